"""Trouble that lasts: said once, however often it is met, and once more when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from loguru import logger

_MAX_CAUSES: Final = 16


class Recurring:
    """Something that may be wrong each time it is looked at.

    Args:
        what: the line's beginning, as in `mDNS` or `worker 0`.
        level: of the line that says so.
        and_now: what is done about it.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        what: str,
        *,
        level: str = "WARNING",
        and_now: str = "trying again",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._and_now = and_now
        self._level = level
        self._clock = clock
        self._since = 0.0
        self._times = 0
        self._told: set[str] = set()

    def met(self, cause: str, error: BaseException | None = None) -> None:
        """It is wrong; each cause is said once until it is over.

        Args:
            cause: a clause.
            error: one that nobody foresaw; its trace is logged.
        """
        if not self._times:
            self._since = self._clock()
        self._times += 1
        if cause in self._told or len(self._told) >= _MAX_CAUSES:
            return
        self._told.add(cause)
        logger.opt(exception=error).log(self._level, "{}: {}; {}", self._what, cause, self._and_now)

    def over(self) -> None:
        """It is well."""
        if self._times:
            lasted = self._clock() - self._since
            logger.info("{}: over, after {:.0f} s and {:,} times", self._what, lasted, self._times)
        self._times = 0
        self._told.clear()
