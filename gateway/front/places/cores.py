"""What of the processors this gateway's processes take, as the kernel has it, and how many they may have."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.front.places.kernel import PROC, cgroups, descendants

MOST_OF_ONE: Final = 0.5
"""Of a core, that what a media process has started counts for at most: a bot that hogs does not keep others out."""
_USER, _SYSTEM = 11, 12
"""Fields of /proc/PID/stat behind the name (proc(5))."""


def allowed() -> float:
    """How many cores there are for this process: by its affinity, and by the quotas of its cgroups (v2, v1)."""
    if hasattr(os, "sched_getaffinity"):
        return min([float(len(os.sched_getaffinity(0))), *_quotas()])
    return float(os.cpu_count() or 1)


def _quotas() -> Iterator[float]:
    for group in cgroups():
        with contextlib.suppress(OSError, ValueError):
            quota, period = (group / "cpu.max").read_text().split()
            yield int(quota) / int(period)  # "max" is none
    for group in cgroups("cpu"):
        with contextlib.suppress(OSError, ValueError):
            if (quota_us := int((group / "cpu.cfs_quota_us").read_text())) > 0:
                yield quota_us / int((group / "cpu.cfs_period_us").read_text())


class Taken:
    """Adds up what processes take from its first look on."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._at: float | None = None
        self._known: dict[int, float] = {}

    def look(self, own: Iterable[int], now: float) -> float:
        """Seconds of CPU so far.

        Args:
            own: processes of ours, which count in full; whatever they have started counts for a part.
            now: seconds of a monotonic clock.
        """
        ours = set(own)
        since, self._at = self._at, now
        known, self._known = self._known, {}
        for pid in ours.union(*map(descendants, ours)):
            if (took := _cpu_s(pid)) is None:
                continue
            self._known[pid] = took
            if since is not None:
                before = known.get(pid, 0.0)
                new = took - before if took >= before else took  # else its number is another's by now
                self._seconds += new if pid in ours else min(new, MOST_OF_ONE * (now - since))
        return self._seconds


def _cpu_s(pid: int) -> float | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK")
    return None
