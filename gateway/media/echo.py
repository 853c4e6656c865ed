"""Takes a device's own voice out of what it hears, by what was sent to it and when it played that."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Protocol

from gateway.media.noise import Noise, power

SILENCE: Final = bytes(640)
_TICKS: Final = 3  # of RTP's 48 kHz in a sample
_FRAME: Final = 320
_PACKET: Final = _TICKS * _FRAME
_KEPT: Final = 150
"""Packets, three seconds: more than any device holds back."""
_ADVANCE: Final = 5 * 48
"""Ticks, 5 ms: a device that knows its delays a little wrong must not seem to hear what it has yet to play."""
_TAIL: Final = 20
"""Frames after the last sound that was played for which a room rings."""
_BLOCK: Final = 25
"""Frames with sound, half a second, by which it is judged whether the echo is gone."""
_BLOCKS: Final = 8
GONE_DB: Final = 12.0
"""Of echo taken away. One half second in eight is enough: while somebody speaks over it there is none to see."""
FAINT_DB: Final = -55.0
"""Of full scale: so little of it is left that it does not matter how much was taken away."""
_FAINT: Final = 10 ** (FAINT_DB / 10)
_LIKE_NOISE: Final = 4.0
"""Nor does what is left where that is less than 6 dB above the room's noise."""


class Canceller(Protocol):
    """Takes the echo out of 20 ms of sound (640 bytes, 16 kHz, mono, 16 bit) at a time."""

    def cancel(self, heard: bytes, played: bytes) -> bytes:
        """What was heard, without what was played meanwhile."""

    def close(self) -> None:
        """Give back what it holds."""


class Echo:
    """One call's.

    Until it has seen that its echo goes, a device is not heard while it speaks, which is half duplex; then it is.

    Args:
        canceller: does the work; None passes everything on as it is.
        told: told of each change, whether the echo goes.
    """

    def __init__(self, canceller: Canceller | None, told: Callable[[bool], None] = lambda _: None) -> None:
        self._canceller, self._told = canceller, told
        self._sent: OrderedDict[int, bytes] = OrderedDict()
        self._last = 0
        self._noise = Noise()
        self._rings = 0  # frames for which there may be echo
        self._heard = self._left = 0.0  # power of this block
        self._frames = 0
        self._gone: deque[bool] = deque(maxlen=_BLOCKS)
        self.holds = False

    @property
    def works(self) -> bool:
        """Whether it does anything."""
        return self._canceller is not None

    def sent(self, pcm: bytes, timestamp: int) -> None:
        """This goes out, 20 ms, with this RTP timestamp."""
        if self._canceller is None:
            return
        self._sent[timestamp] = pcm
        self._last = timestamp
        while len(self._sent) > _KEPT:
            self._sent.popitem(last=False)

    def hear(self, pcm: bytes, played: int | None) -> bytes:
        """What is heard, without the echo.

        Args:
            pcm: 20 ms.
            played: the RTP timestamp of what was played as it began; None where the device does not say.
        """
        if self._canceller is None:
            return pcm
        reference = SILENCE if played is None else self._played(played + _ADVANCE)
        self._rings = _TAIL if reference is not SILENCE else self._rings - 1
        if self._rings <= 0:
            self._follow_noise(pcm)
            return pcm
        out = self._canceller.cancel(pcm, reference)
        if reference is not SILENCE:
            self._judge(pcm, out)
        return out if self.holds else SILENCE

    def close(self) -> None:
        """The call is over."""
        if self._canceller is not None:
            self._canceller.close()

    def _played(self, at: int) -> bytes:
        """20 ms of what was sent, from this RTP timestamp on; of two packets, mostly, which are 20 ms apart."""
        before = (self._last - at) % 2**32
        before -= 2**32 if before >= 2**31 else 0
        steps = -(-before // _PACKET)
        offset = 2 * ((steps * _PACKET - before) // _TICKS)
        first, second = (self._sent.get((self._last - _PACKET * k) % 2**32) for k in (steps, steps - 1))
        if first is None and (second is None or offset == 0):
            return SILENCE
        return (first or SILENCE)[offset:] + (second or SILENCE)[:offset]

    def _follow_noise(self, pcm: bytes) -> None:
        """Silence that was not sent tells nothing of the room."""
        self._noise.pass_time()
        if pcm.count(0) != len(pcm):
            self._noise.hear(power(pcm))

    def _judge(self, heard: bytes, left: bytes) -> None:
        self._heard += power(heard)
        self._left += power(left)
        self._frames += 1
        if self._frames < _BLOCK:
            return
        taken = 10 * math.log10(max(self._heard, 1e-12) / max(self._left, 1e-12))
        faint = max(_FAINT, _LIKE_NOISE * self._noise.floor if math.isfinite(self._noise.floor) else 0.0)
        self._gone.append(taken >= GONE_DB or self._left / self._frames <= faint)
        self._heard = self._left = 0.0
        self._frames = 0
        holds = any(self._gone)
        if holds is not self.holds:
            self.holds = holds
            self._told(holds)
