"""Processes and cgroups, as the kernel lists them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_CGROUPS: Final = Path("/sys/fs/cgroup")


def descendants(pid: int) -> Iterator[int]:
    """The children of a process, and theirs."""
    with contextlib.suppress(OSError, ValueError):
        for thread in (PROC / str(pid) / "task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                yield child
                yield from descendants(child)


def cgroups(controller: str = "") -> Iterator[Path]:
    """The folder of the cgroup that this process is in, and those above it.

    Args:
        controller: of version 1; without one of version 2.
    """
    with contextlib.suppress(OSError):
        for line in (PROC / "self/cgroup").read_text().splitlines():
            _, controllers, own = line.split(":", 2)
            if controller in controllers.split(","):
                top = _CGROUPS / controllers
                group = top / own.lstrip("/")
                yield from (found for found in (group, *group.parents) if found.is_relative_to(top))
