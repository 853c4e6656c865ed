"""What was downloaded is kept, for a second board and for a day without a network."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def directory() -> Path:
    """Where: beside the gateway's cache. Raises RuntimeError where this user has no home."""
    own = os.environ.get("VOICEGW_CACHE_DIR")
    if own:
        return Path(own).expanduser() / "releases"
    shared = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(shared) / "voicegw" / "releases"


def take(name: str) -> bytes | None:
    """A file that was kept, as it lies there: not checked. `None` if there is none that can be read."""
    with contextlib.suppress(OSError, RuntimeError):
        return (directory() / name).read_bytes()
    return None


def keep(name: str, data: bytes) -> None:
    """Keep a file, whole or not at all.

    Raises:
        OSError: there is no room for it, or no place. RuntimeError: this user has no home.
    """
    folder = directory()
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(fresh).replace(folder / name)
    finally:
        Path(fresh).unlink(missing_ok=True)
