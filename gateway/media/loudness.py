"""How loud a stream of sound is, and how loud the noise in it. Pure."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from gateway.media.noise import Noise, power

SILENT_DB: Final = -75.0
"""Of full scale; what is below it is taken for this."""
_RECENT: Final = 50
"""Frames, one second: a word."""


class Loudness:
    """Follows 20 ms frames of 16-bit PCM; all in dB of full scale."""

    def __init__(self) -> None:
        self.now = self.floor = SILENT_DB
        self._noise = Noise()
        self._recent: deque[float] = deque(maxlen=_RECENT)

    def hear(self, pcm: bytes) -> None:
        """Take a frame."""
        self._noise.pass_time()
        self._noise.hear(of := power(pcm))
        self.now, self.floor = _db(of), _db(self._noise.floor)
        self._recent.append(self.now)

    @property
    def above(self) -> float:
        """The last frame above the noise."""
        return self.now - self.floor

    @property
    def recent(self) -> float:
        """The loudest of the last second above the noise."""
        return max(self._recent, default=self.floor) - self.floor


def _db(of: float) -> float:
    return max(10 * math.log10(of), SILENT_DB) if of > 0 else SILENT_DB
