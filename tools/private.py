"""A place for what holds secrets, on its way to a process that takes files only."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ground.trouble import reason
from tools.errors import ToolError

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 -- Linux's; what lies there is never written to a disk


@contextmanager
def directory() -> Iterator[Path]:
    """A directory of mode 0700, in memory where the system offers that; removed whatever happens in the block.

    Raises:
        ToolError: there is no room for it.
    """
    home = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK | os.X_OK) else None
    try:
        path = Path(tempfile.mkdtemp(prefix="voicegw-", dir=home))
    except OSError as error:
        raise _no_room(home or "the folder for temporary files", error) from None
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def write(path: Path, data: bytes) -> None:
    """Write a file that only this user can read; it must not be there yet.

    Raises:
        ToolError: there is no room for it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise _no_room(path.parent.parent, error) from None


def _no_room(where: Path | str, error: OSError) -> ToolError:
    return ToolError(
        f"nothing can be written to {where}: {reason(error)}", remedy="make room there", step="image"
    )
