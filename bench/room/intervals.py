"""How sure a figure is: intervals that hold the true value in 95 of 100 cases."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

_Z: Final = 1.96

Interval = tuple[float, float]
_Rising = Callable[[float], float]


def of_share(right: int, of: int) -> Interval:
    """Of a share (Wilson, 1927)."""
    if of == 0:
        return 0.0, 1.0
    share, square = right / of, _Z**2
    middle = share + square / (2 * of)
    half = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    low, high = (middle - half) / (1 + square / of), (middle + half) / (1 + square / of)
    return round(max(0.0, low), 4), round(min(1.0, high), 4)


def of_count(count: int) -> Interval:
    """Of how many events there would be in as much time (Garwood, 1936)."""
    low = 0.0 if count == 0 else _mean_where(lambda mean: 1 - _at_most(count - 1, mean), 0.025, count + 1.0)
    high = _mean_where(lambda mean: 1 - _at_most(count, mean), 0.975, 3.0 * count + 20.0)
    return round(low, 2), round(high, 2)


def of_median(values: Sequence[float]) -> Interval | None:
    """Of the median of the whole, between two of these; None where there are too few."""
    ordered, count = sorted(values), len(values)
    half = _Z * math.sqrt(count) / 2
    low, high = math.floor(count / 2 - half) - 1, math.ceil(count / 2 + half)
    return None if low < 0 or high >= count else (ordered[low], ordered[high])


def _at_most(count: int, mean: float) -> float:
    return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))


def _mean_where(rising: _Rising, wanted: float, high: float) -> float:
    low = 1e-9
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return low
