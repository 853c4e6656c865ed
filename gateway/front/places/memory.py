"""What a process and those that it started take of the memory, as the kernel has it: none of them is asked."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.front.places.cgroups import PROC, cgroups
from gateway.processes import descendants, told

_MEGABYTE: Final = 1 << 20
_LIMIT: Final = "Max data size"
"""RLIMIT_DATA (getrlimit(2)), which a bot's process lowers for itself before it runs the bot's code."""


@dataclass(frozen=True, slots=True)
class Excess:
    """A process that holds more than it may; in MB."""

    pid: int
    held: float
    limit: float


def left_mb() -> float | None:
    """What the machine, or the cgroup that this process is in, can still give, in MB; `None` where it does not tell."""
    left = [found for found in (_machines_mb(), *_cgroups_mb()) if found is not None]
    return min(left, default=None)


def _machines_mb() -> float | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (PROC / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) / 1024
    return None


def _cgroups_mb() -> Iterator[float]:
    """Of each cgroup (version 2) from this process's own upwards that has a limit."""
    for group in cgroups():
        with contextlib.suppress(OSError, ValueError):
            limit = int((group / "memory.max").read_text())  # "max" is none
            yield (limit - _held(group)) / _MEGABYTE


def _held(group: Path) -> int:
    """Without what is a file's: that the kernel can take back."""
    counted = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    cached = int(counted["active_file"]) + int(counted["inactive_file"])
    return int((group / "memory.current").read_text()) - cached


def resident_mb(pid: int) -> float | None:
    """Resident memory of a process, in MB; `None` where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = told(pid, "statm").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE
    return None


def excesses(pid: int) -> Iterator[Excess]:
    """Of all that a process started, those that hold more than their own limit.

    The limit is on private memory; what they share (memfd, /dev/shm) the kernel counts nowhere against it.
    """
    for found in descendants(pid):
        limit, held = _limit_mb(found), _own_mb(found)
        if limit is not None and held is not None and held > limit:
            yield Excess(found, held, limit)


def end(excess: Excess, ancestor: int) -> bool:
    """Kill it, if it is still what it was found to be; whether it was."""
    try:
        handle = os.pidfd_open(excess.pid)
    except OSError:
        return False
    try:
        if not any(e.pid == excess.pid for e in excesses(ancestor)):  # its number may be another's by now
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _limit_mb(pid: int) -> float | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in told(pid, "limits").splitlines():
            if line.startswith(_LIMIT):
                soft = line[len(_LIMIT) :].split()[0]
                return None if soft == "unlimited" else int(soft) / _MEGABYTE
    return None


def _own_mb(pid: int) -> float | None:
    """Without what is a file's: that the kernel can take back."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        text = told(pid, "status")
        held = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return sum(int(held[name].split()[0]) for name in ("RssAnon", "RssShmem")) / 1024
    return None
