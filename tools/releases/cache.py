"""What was downloaded is kept, for a second board and for a day without a network."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from ground import folders
from ground.trouble import Trouble


def directory() -> Path:
    """Where: in the gateway's cache. Raises Trouble where this user has no home."""
    own = os.environ.get("VOICEGW_CACHE_DIR")
    shared = folders.xdg("XDG_CACHE_HOME", ".cache") / "voicegw"
    return folders.expanded(Path(own) if own else shared) / "releases"


def take(name: str) -> bytes | None:
    """A file that was kept, as it lies there: not checked. `None` if there is none that can be read."""
    with contextlib.suppress(OSError, Trouble):
        return (directory() / name).read_bytes()
    return None


def keep(name: str, data: bytes) -> None:
    """Keep a file, whole or not at all.

    Raises:
        Trouble: there is no room for it, or no place.
    """
    folder = directory()
    try:
        _write(folder, name, data)
    except OSError as error:
        raise folders.unusable(folder, error, setting="cache_dir") from None


def _write(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(fresh).replace(folder / name)
    finally:
        Path(fresh).unlink(missing_ok=True)
