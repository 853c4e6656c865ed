"""How often something may happen: a token bucket for each who does it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

_MAX_KEYS: Final = 1_024


class Buckets:
    """A bucket for each key, full at first; the keys that took nothing for longest are forgotten.

    Args:
        burst: what may be taken at once.
        per_second: what comes back.
        clock: seconds, monotonic.
    """

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._rate = per_second
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable) -> float:
        """Take one of this key's; gives 0, or where there is none the seconds until there will be."""
        now = self._clock()
        tokens, at = self._kept.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        self._kept[key] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self._kept) > _MAX_KEYS:
            self._kept.popitem(last=False)
        return 0.0 if tokens >= 1 else (1 - tokens) / self._rate
