"""How something that is read again and again rises or falls, whatever single readings say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def slope(at: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """The median of the slopes between any two readings (Theil, Sen 1968).

    Up to 29 % of them may be of a bad moment: what is held while a handshake ends is no leak, and hides none.

    Args:
        at: where each was taken, rising.
        values: what was read there; two at least.
    """
    x, y = np.asarray(at, float), np.asarray(values, float)
    one, other = np.triu_indices(x.size, 1)
    return float(np.median((y[other] - y[one]) / (x[other] - x[one])))
