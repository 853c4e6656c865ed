"""What a stall of ours has left waiting in a queue of sound is taken out of it: nothing behind it is later. Pure.

Quiet goes at once. Where there is none for a while, sound is shortened: by 10 to 20 ms, where it fits best onto what
comes after it (as WSOLA does), no more than one packet in three.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

QUIET: Final = 300
"""Peak of 16 bit, -41 dBFS: a pause between words."""
PAUSE_SECONDS: Final = 0.5
"""For a pause to come, before sound is shortened."""
GIVE_UP_SECONDS: Final = 2.0
"""After the last stall: whatever waits then waits for another reason."""
_EVERY: Final = 3
_FRAME: Final = 640  # bytes: 20 ms of 16 kHz mono 16 bit
_LEAST: Final = 160  # samples that are cut out, and over which what is left is joined


class Lateness:
    """How much has been held up, in one queue."""

    def __init__(self) -> None:
        self._owed = 0
        self._since = self._last = 0.0
        self._packets = 0

    def stalled(self, owed: int, now: float) -> None:
        """So many bytes of sound were not sent in time, as it turns out `now`."""
        self._since = self._since if self._owed else now
        self._owed += owed
        self._last = now

    def forget(self) -> None:
        """Nothing waits any more."""
        self._owed = 0

    def cut(self, queue: bytearray, now: float) -> int:
        """Shorten what waits, before a packet is taken from its head; gives by how many bytes."""
        if self._owed and now > self._last + GIVE_UP_SECONDS:
            self._owed = 0
        if self._owed < _FRAME or len(queue) < 2 * _FRAME:
            return 0
        self._packets += 1
        if peak(queue[:_FRAME]) <= QUIET:
            del queue[:_FRAME]
            size = _FRAME
        elif now >= self._since + PAUSE_SECONDS and self._packets >= _EVERY:
            size = _shorten(queue)
        else:
            return 0
        self._packets = 0
        self._owed = max(0, self._owed - size)
        return size


def _shorten(queue: bytearray) -> int:
    """Cut the samples out of its first 40 ms whose neighbours are most alike; gives how many bytes."""
    sound = np.frombuffer(bytes(queue[: 2 * _FRAME]), "<i2").astype(np.float32)
    head = sound[:_LEAST]
    fits = np.correlate(sound[_LEAST:-_LEAST], head)
    power = np.convolve(sound[_LEAST:-_LEAST] ** 2, np.ones(_LEAST, np.float32), "valid")
    cut = _LEAST + int(np.argmax(fits / np.sqrt(power + 1)))
    fade = np.linspace(1, 0, _LEAST, dtype=np.float32)
    joined = head * fade + sound[cut : cut + _LEAST] * (1 - fade)
    queue[: 2 * (cut + _LEAST)] = joined.astype("<i2").tobytes()
    return 2 * cut


def peak(pcm: bytes | bytearray) -> int:
    """Of 16-bit PCM."""
    samples: npt.NDArray[np.int32] = np.frombuffer(bytes(pcm), "<i2").astype(np.int32)
    return int(np.abs(samples).max(initial=0))
