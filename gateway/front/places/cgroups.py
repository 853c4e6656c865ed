"""The cgroups that this process is in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_FOLDER: Final = Path("/sys/fs/cgroup")


def cgroups(controller: str = "") -> Iterator[Path]:
    """The folder of the cgroup that this process is in, and those above it.

    Args:
        controller: of version 1; without one of version 2.
    """
    with contextlib.suppress(OSError):
        for line in (PROC / "self/cgroup").read_text().splitlines():
            _, controllers, own = line.split(":", 2)
            if controller in controllers.split(","):
                top = _FOLDER / controllers
                group = top / own.lstrip("/")
                yield from (found for found in (group, *group.parents) if found.is_relative_to(top))
