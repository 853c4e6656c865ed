"""What an echo canceller leaves of a device's own voice: learnt by band, taken down, and silent unless somebody speaks.

A filter takes out what the room makes of what was played. What the codecs on the way add is no filter's to take,
and is loud enough to be taken for speech: 15 to 26 dB below the echo (docs/speech.md, Its own voice). It goes with
the echo, in each band by another share, which is found here while nobody speaks.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

FRAME: Final = 320
LEARN: Final = 25
"""Frames of echo, half a second, by which the shares are known; before that nothing is let through."""
_KEPT: Final = 100
"""Frames of echo that are looked back over: two seconds."""
_MOSTLY: Final = 0.85
"""A share is what so many of them stay below."""
_RENEWED: Final = 5
"""Frames after which the shares are reckoned anew."""
_SOMETIMES: Final = 4
"""While somebody speaks one frame in so many is learnt from, for the room may have changed instead."""
_OPENS_DB: Final = 3.0
"""By how much there is more than the echo explains, on the mean of the bands, where somebody speaks over it."""
_FRAMES_TO_OPEN: Final = 3
_WARY: Final = 25
"""Frames after one that was lost, in which the canceller is not what it was: for each as many more are wanted."""
_SPOILS: Final = 4
"""Frames of which one that is lost makes something else, itself the first: a decoder goes on from it."""
_HELD: Final = 4
"""Frames that are held back, 80 ms: what was said before it was known to be speech is let through as well."""
_OPEN: Final = 20
"""Frames for which it then stays open."""
_TAKEN: Final = 0.1
"""Of what the echo explains, so much is taken from what is let through: more would take of the voice."""
_LEAST: Final = 0.06
_RINGS: Final = 0.7
"""What an echo's power falls to in a frame: the room rings on."""
_SPREAD: Final = 0.003
"""The share of all bands' echo that the codecs make heard in each."""
_FAILS: Final = 0.01
"""The share of what was played by which an echo is known that the canceller does not see."""
_SILENCE: Final = 3e-3
"""In a band; all bands together -65 dB of full scale."""
_NOTHING: Final = 1e-9
_UNKNOWN: Final = 1e6
"""A share with which an echo explains everything."""
_QUIET: Final = 1e-5
"""Power of a frame, of full scale, that is no speech over a loudspeaker: -50 dB."""
_NEAR: Final = 2.0
"""Over the power of a room's noise: less is no speech either."""
_RISES: Final = 1.05
"""That noise is what there is least of, and is thought to rise by so much in a frame: 10 dB a second."""
_EDGES: Final = (
    0,
    200,
    300,
    400,
    510,
    630,
    770,
    920,
    1080,
    1270,
    1480,
    1720,
    2000,
    2320,
    2700,
    3150,
    3700,
    4400,
    5300,
    6400,
)
"""Hz at which the bands begin: those of hearing (Zwicker 1961)."""

Samples = NDArray[np.float64]
Spectrum = NDArray[np.complex128]
Bands = NDArray[np.float64]
_STARTS: Final = np.array([round(hz * 2 * FRAME / 16_000) for hz in _EDGES])
_OF_BIN: Final = np.searchsorted(_STARTS, np.arange(FRAME + 1), side="right") - 1
_WINDOW: Final = np.sqrt(np.hanning(2 * FRAME + 1)[:-1])
_FULL: Final = 2 * FRAME * FRAME
"""Of the power of all bands together, where that of a frame's samples is 1."""
_PCM: Final = np.dtype("<i2")


class Residual:
    """One call's, 20 ms (640 bytes, 16 kHz, mono, 16 bit) at a time."""

    def __init__(self) -> None:
        self._before = np.zeros((3, FRAME))  # of what is left, of the echo, and of what was played
        self._overlap = np.zeros(FRAME)
        self._echo = np.zeros(len(_EDGES))
        self._smooth = np.zeros(len(_EDGES))
        self._shares = np.full(len(_EDGES), _UNKNOWN)
        self._seen = np.zeros((_KEPT, len(_EDGES)))
        self._count = self._frames = self._over = self._open = 0
        self._lost: deque[bool] = deque([False] * _WARY, _WARY)
        self._held: deque[Samples] = deque()
        self._gain = 0.0
        self._floor = _QUIET

    @property
    def known(self) -> bool:
        """Whether it knows the shares: until then nothing is let through."""
        return self._count >= LEARN

    @property
    def may_rest(self) -> bool:
        """Whether nothing is lost where the sound is let through without it from now on."""
        quiet = max(_QUIET, _NEAR * self._floor)
        return not self._open or all(float(np.mean(held**2)) < quiet for held in self._held)

    def rest(self) -> None:
        """Be asked again only when the device speaks again."""
        self._held.clear()
        self._over = self._open = 0
        self._gain = 0.0

    def forget(self) -> None:
        """The echo is another from now on: nothing is let through until it is known."""
        self._count = self._over = self._open = 0
        self._shares[:] = _UNKNOWN

    def skip(self) -> bytes:
        """As `take`, where nothing at all was heard."""
        self._before[:] = 0
        self._over, self._open = 0, max(0, self._open - 1)
        self._held.append(self._overlap)
        self._overlap = np.zeros(FRAME)
        return self._next()

    def take(self, heard: bytes, left: bytes, played: bytes, *, made_up: bool = False) -> bytes:
        """What is to be heard, 100 ms late: silence, or who speaks over the device's own voice.

        Args:
            heard: by the microphone.
            left: of that by the canceller.
            played: by the speaker meanwhile.
            made_up: it is not what the microphone heard, or not all of it: no canceller takes an echo out of that.
        """
        rest = _numbers(left)
        now = np.stack([rest, _numbers(heard) - rest, _numbers(played)])
        spectra = np.fft.rfft(np.concatenate([self._before, now], axis=1) * _WINDOW)
        self._before = now
        power, echo, speaker = _bands(spectra)
        power += _SILENCE
        echo += _FAILS * speaker
        self._echo = np.maximum(echo + _SPREAD * echo.mean() + _NOTHING, _RINGS * self._echo)
        explained = self._shares * self._echo
        plays = float(speaker.sum()) > _QUIET * _FULL
        self._lost.append(made_up)
        if any(islice(reversed(self._lost), _SPOILS)):
            self._open = max(0, self._open - 1)
        else:
            self._judge(power, explained)
            if plays:
                self._learn(power)
        if not plays:
            now_power = float(np.mean(rest**2))
            self._floor = min(now_power, _RISES * self._floor)
        self._held.append(self._weaken(spectra[0], power, explained))
        return self._next()

    def _next(self) -> bytes:
        return self._let_through(self._held.popleft()) if len(self._held) > _HELD else bytes(2 * FRAME)

    def _judge(self, power: Bands, explained: Bands) -> None:
        more_db = 10 * float(np.log10(np.maximum(power / explained, 1)).mean())
        louder = power.sum() > max(explained.sum(), _QUIET * _FULL)
        self._over = self._over + 1 if louder and more_db > _OPENS_DB else 0
        enough = _FRAMES_TO_OPEN * (1 + sum(self._lost))
        self._open = _OPEN if self.known and self._over >= enough else max(0, self._open - 1)

    def _learn(self, power: Bands) -> None:
        self._frames += 1
        if self._open and self._frames % _SOMETIMES:
            return
        self._seen[self._count % _KEPT] = power / self._echo
        self._count += 1
        if self._count <= 2 * LEARN or self._count % _RENEWED == 0:
            seen = self._seen[: min(self._count, _KEPT)]
            rank = int(_MOSTLY * (len(seen) - 1))
            self._shares = np.partition(seen, rank, axis=0)[rank]

    def _weaken(self, spectrum: Spectrum, power: Bands, explained: Bands) -> Samples:
        self._smooth = (self._smooth + power) / 2
        gain = np.sqrt(np.maximum(1 - _TAKEN * explained / self._smooth, _LEAST**2))
        sound = np.fft.irfft(spectrum * gain[_OF_BIN]) * _WINDOW
        out: Samples = self._overlap + sound[:FRAME]
        self._overlap = sound[FRAME:]
        return out

    def _let_through(self, sound: Samples) -> bytes:
        before, self._gain = self._gain, 1.0 if self._open else 0.0
        if before == self._gain == 0:
            return bytes(2 * FRAME)
        if before != self._gain:
            sound = sound * np.linspace(before, self._gain, FRAME)
        return (np.clip(sound, -1, 1) * 32_767).astype(_PCM).tobytes()


def _numbers(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, _PCM) / 32_768


def _bands(spectra: Spectrum) -> Bands:
    """The power of each in each band."""
    found: Bands = np.add.reduceat(spectra.real**2 + spectra.imag**2, _STARTS, axis=1)
    return found
