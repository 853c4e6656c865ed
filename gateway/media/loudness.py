"""How loud a stream of sound is, and how loud the noise in it. Pure."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import numpy as np

SILENT_DB: Final = -75.0
"""Of full scale; what is below it is taken for this."""
_RISE_DB: Final = 0.06
"""For each 20 ms, 3 dB a second: noise that has become louder is known as such after some seconds."""
_RECENT: Final = 50
"""Frames, one second: a word."""


class Loudness:
    """Follows 20 ms frames of 16-bit PCM; all in dB of full scale."""

    def __init__(self) -> None:
        self.now = self.floor = SILENT_DB
        self._first = True
        self._recent: deque[float] = deque(maxlen=_RECENT)

    def hear(self, pcm: bytes) -> None:
        """Take a frame."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        power = float(samples @ samples) / max(samples.size, 1) / (1 << 30)
        self.now = max(10 * math.log10(power), SILENT_DB) if power > 0 else SILENT_DB
        self.floor = self.now if self._first else min(self.now, self.floor + _RISE_DB)
        self._first = False
        self._recent.append(self.now)

    @property
    def above(self) -> float:
        """The last frame above the noise."""
        return self.now - self.floor

    @property
    def recent(self) -> float:
        """The loudest of the last second above the noise."""
        return max(self._recent, default=self.floor) - self.floor
