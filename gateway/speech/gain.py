"""Makes who is far away as loud as who is near, for the model that looks for speech. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

TARGET_DB: Final = -22.0
"""Of full scale: how loud the loudest block of the last seconds is made."""
SECONDS: Final = 3.0


class Gain:
    """Gain by the loudest of the last seconds, so that a loud block is never made louder than the target.

    Args:
        most_db: where it is quiet. What is further below the target than this stays below it.
        block_s: how much comes at a time.
    """

    def __init__(self, most_db: float, block_s: float) -> None:
        self._most = 10 ** (most_db / 20)
        self._recent: deque[float] = deque(maxlen=round(SECONDS / block_s))

    def take(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Some samples, -1 to 1, made louder."""
        self._recent.append(float(block @ block) / max(block.size, 1))
        loudest = max(self._recent) ** 0.5
        gain = min(self._most, max(1.0, _TARGET / max(loudest, 1e-9)))
        louder: NDArray[np.float32] = np.clip(block * np.float32(gain), -1, 1)
        return louder


_TARGET: Final = 10 ** (TARGET_DB / 20)
