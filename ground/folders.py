"""Folders that are ours to write to, and the home that they are in unless told otherwise."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ground.trouble import Trouble, reason


def home() -> Path | None:
    """This user's home; `None` for a user whom the system does not know and who has no HOME."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def expanded(path: Path) -> Path:
    """The path with `~` spelt out.

    Raises:
        Trouble: whose home that would be is not known.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise Trouble(f"there is no home for {path}", remedy="write the whole path, or set HOME") from None


def ready(path: Path, *, setting: str, mode: int = 0o700) -> Path:
    """The directory, made if need be, and tried out.

    Args:
        path: of the directory.
        setting: that it comes from, or the option, to be named.
        mode: of what is made; by default this user alone reads it.

    Raises:
        Trouble: nothing can be kept there.
    """
    path = expanded(path)
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"\0")
    except OSError as error:
        raise unusable(path, error, setting=setting) from None
    return path


def unusable(path: Path, error: OSError, *, setting: str) -> Trouble:
    """What to say of a directory that cannot be written to."""
    elsewhere = "" if setting.startswith("--") else f" (in voicegw.toml, or as VOICEGW_{setting.upper()})"
    file_there = "a file is where a directory should be"
    cause = file_there if isinstance(error, FileExistsError) else reason(error)
    return Trouble(
        f"{setting} {path} cannot be used: {cause}",
        remedy=f"mend that, or give another {setting}{elsewhere}",
    )
