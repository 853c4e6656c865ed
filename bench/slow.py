"""A machine of the Raspberry Pi class, out of this one: a third of the time of one core (cgroups, v2 or v1)."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

QUOTA_US, PERIOD_US = 2_000, 6_000
"""Of each 6 ms: much less than a packet's 20 ms, as a slow core never stands still so long."""
_MOUNTS: Final = Path("/proc/mounts")
_ATTEMPTS: Final = 50


class NoCgroup(Exception):
    """The system doesn't let us hold a process back."""


@contextlib.contextmanager
def held() -> Iterator[tuple[str, ...]]:
    """What to put before a command so that it and what it starts have a third of a core's time.

    Raises `NoCgroup` where that can't be had.
    """
    name = f"voicegw-bench-{os.getpid()}"
    try:
        group = _made(_MOUNTS.read_text(), name)
    except OSError as error:
        raise NoCgroup(
            f"a Raspberry Pi's share of a core takes root and a cgroup of one's own: {error}"
        ) from error
    try:
        yield ("sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs"))
    finally:
        _removed(group)


def _made(mounts: str, name: str) -> Path:
    unified, root = controller(mounts)
    if unified and "cpu" not in (root / "cgroup.subtree_control").read_text().split():
        (root / "cgroup.subtree_control").write_text("+cpu")
    group = root / name
    group.mkdir()
    try:
        if unified:
            (group / "cpu.max").write_text(f"{QUOTA_US} {PERIOD_US}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
    except OSError:
        group.rmdir()
        raise
    return group


def controller(mounts: str) -> tuple[bool, Path]:
    """Whether the controller of CPU time is v2's, and where it is mounted. Raises `NoCgroup` where it is not."""
    lines = [line.split() for line in mounts.splitlines()]
    for _, where, kind, options, *_ in lines:
        if kind == "cgroup" and "cpu" in options.split(","):
            return False, Path(where)
    for _, where, kind, *_ in lines:
        if kind == "cgroup2":
            return True, Path(where)
    raise NoCgroup("no cgroup is mounted that shares out CPU time")


def _removed(group: Path) -> None:
    for _ in range(_ATTEMPTS):  # until the last of its processes has gone
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.1)
