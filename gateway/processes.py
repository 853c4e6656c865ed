"""Processes, as the kernel lists them; nothing where it lists none."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from typing import Final

PROC: Final = "/proc"
_CHUNK: Final = 1 << 14


def told(pid: int | str, name: str) -> str:
    """What a file of a process says. Some are read twice a second: Python's own files cost four times as much.

    Raises:
        OSError: it has ended, or there is no such thing here.
    """
    fd = os.open(f"{PROC}/{pid}/{name}", os.O_RDONLY)
    try:
        return b"".join(iter(lambda: os.read(fd, _CHUNK), b"")).decode(errors="replace")
    finally:
        os.close(fd)


def listed(pid: int | str, folder: str) -> list[str]:
    """The names in a folder of a process: of its threads (`task`), of its open files (`fd`)."""
    with contextlib.suppress(OSError):
        return os.listdir(f"{PROC}/{pid}/{folder}")  # noqa: PTH208 -- as above
    return []


def children(pid: int | str = "self") -> set[int]:
    """The processes that a process is the parent of."""
    return set(_children(pid))


def _children(pid: int | str) -> Iterator[int]:
    for thread in listed(pid, "task"):
        with contextlib.suppress(OSError):
            yield from map(int, told(pid, f"task/{thread}/children").split())


def descendants(pid: int) -> set[int]:
    """Those, and theirs, and so on."""
    found: set[int] = set()
    waiting = deque([pid])
    while waiting:
        new = children(waiting.popleft()) - found
        found |= new
        waiting.extend(new)
    return found
