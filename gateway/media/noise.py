"""The noise of a room: the least level of the last seconds. Speech has pauses, a fan has none. Pure."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import numpy as np

_PIECE: Final = 25
_PIECES: Final = 8
"""The noise is the least level of so many pieces of so many frames: four seconds."""
KNOWN: Final = _PIECES * _PIECE
"""Frames after which a room is known."""
_SMOOTH: Final = 0.4
_PCM: Final = np.dtype("<i2")


def power(pcm: bytes) -> float:
    """Of 16-bit PCM, where full scale is 1."""
    samples = np.frombuffer(pcm, _PCM).astype(np.float32)
    return float(np.dot(samples, samples)) / max(samples.size, 1) / (1 << 30)


class Noise:
    """Follows frames of 20 ms, by their power."""

    def __init__(self) -> None:
        self.level = 0.0
        """Of what is heard now, a little smoothed."""
        self._first = True
        self._frames = 0
        self._least: deque[float] = deque([math.inf], maxlen=_PIECES)

    def hear(self, of: float) -> None:
        """Take a frame."""
        self.level = of if self._first else self.level + _SMOOTH * (of - self.level)
        self._first = False
        self._least[-1] = min(self._least[-1], self.level)

    def pass_time(self) -> None:
        """A frame has gone by, whether or not it told of the room."""
        self._frames += 1
        if self._frames % _PIECE == 0 and self._least[-1] < math.inf:
            self._least.append(math.inf)

    @property
    def floor(self) -> float:
        """The power of the noise; infinite before the first frame."""
        return min(self._least)
