"""What of the processors this gateway's processes take, as the kernel has it, and how many they may have."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.front.places.cgroups import cgroups
from gateway.processes import descendants, told

MOST_OF_ONE: Final = 0.5
"""Of a core, that what a media process has started counts for at most: a bot that hogs does not keep others out."""
_FIND_EVERY: Final = 4
"""Looks, after which it is found out anew what processes there are: that takes as long as all else."""
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
        self._looks = 0
        self._known: dict[int, tuple[float, float]] = {}
        """Of each process what it had taken, and when."""
        self._theirs: set[int] = set()
        self._found_at: float | None = None

    def look(self, own: Iterable[int], now: float) -> float:
        """Seconds of CPU so far.

        Args:
            own: processes of ours, which count in full; whatever they have started counts for a part.
            now: seconds of a monotonic clock.
        """
        ours = set(own)
        unknown = None if self._found_at is None else (0.0, self._found_at)
        if self._looks % _FIND_EVERY == 0:
            self._theirs = {found for pid in ours for found in descendants(pid)}
            self._found_at = now
        self._looks += 1
        known, self._known = self._known, {}
        for pid in ours | self._theirs:
            if (took := _cpu_s(pid)) is None:
                continue
            self._known[pid] = took, now
            if (before := known.get(pid, unknown)) is not None:
                new = took - before[0] if took >= before[0] else took  # else its number is another's by now
                self._seconds += new if pid in ours else min(new, MOST_OF_ONE * (now - before[1]))
        return self._seconds


def _cpu_s(pid: int) -> float | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = told(pid, "stat").rpartition(")")[2].split()
        return (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK")
    return None
