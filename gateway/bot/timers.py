"""What is to be done later, for a loop that has neither asyncio nor a thread."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable

Action = Callable[[], None]


class Timers:
    """Actions by the time that they are due, in monotonic seconds."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Action]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, action: Action) -> None:
        """Do something once, that many seconds from now."""
        heapq.heappush(self._heap, (time.monotonic() + seconds, next(self._numbers), action))

    def wait(self) -> float | None:
        """Seconds until the first is due, or None where there is none."""
        return max(0.0, self._heap[0][0] - time.monotonic()) if self._heap else None

    def run(self) -> None:
        """Do all that is due."""
        while self._heap and self._heap[0][0] <= time.monotonic():
            heapq.heappop(self._heap)[2]()
