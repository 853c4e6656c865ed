"""What this machine has left: the CPUs' use, how late the event loop is, and the calls that there are."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

_STAT: Final = Path("/proc/stat")
_IDLE: Final = (3, 4)
"""Columns of /proc/stat's first line (proc(5)): idle, and waiting for a disk."""
PERIOD_SECONDS: Final = 0.5
_SMOOTH: Final = 0.3
"""Of each new figure: about two seconds count."""


class Measure:
    """Looked at twice a second."""

    def __init__(self) -> None:
        self.cpu = self.lag_ms = 0.0
        self._busy, self._all = _ticks()

    async def rest(self) -> None:
        """Sleep for a period, and measure."""
        loop = asyncio.get_running_loop()
        due = loop.time() + PERIOD_SECONDS
        await asyncio.sleep(PERIOD_SECONDS)
        self.lag_ms += _SMOOTH * (1000 * max(0.0, loop.time() - due) - self.lag_ms)
        busy, ticks = _ticks()
        if ticks > self._all:
            self.cpu += _SMOOTH * ((busy - self._busy) / (ticks - self._all) - self.cpu)
            self._busy, self._all = busy, ticks
        elif not _STAT.exists():
            self.cpu = min(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _ticks() -> tuple[int, int]:
    """Busy ones and all, of all CPUs; none where the system does not tell."""
    try:
        found = [int(n) for n in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    return sum(found) - sum(found[n] for n in _IDLE), sum(found)
