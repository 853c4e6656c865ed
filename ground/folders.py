"""Folders that are ours to write to, and the home that they are in unless told otherwise; what can be seen in one."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import tempfile
from pathlib import Path

from ground.trouble import Trouble, reason

_NOTHING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP})


def is_there(path: Path) -> bool:
    """Whether anything can be seen there: in a folder that may not be searched, nothing can."""
    return os.path.exists(path)  # noqa: PTH110 -- pathlib's raises in such a folder before Python 3.14


def is_file(path: Path) -> bool:
    """Whether a file can be seen there; as `is_there`."""
    return os.path.isfile(path)  # noqa: PTH113 -- likewise


def is_folder(path: Path) -> bool:
    """Whether a folder can be seen there; as `is_there`."""
    return os.path.isdir(path)  # noqa: PTH112 -- likewise


def glob(folder: Path, pattern: str) -> list[Path]:
    """What of a folder has such a name, sorted; as `is_there`."""
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def look(path: Path, *, follow: bool = True) -> os.stat_result | None:
    """What is there; `None` where nothing is. For what somebody has named: where it cannot be told, they are told so.

    Args:
        path: of a file or a folder.
        follow: whether a link is followed.

    Raises:
        Trouble: a folder above it may not be searched, or no path is like that.
    """
    try:
        return path.stat(follow_symlinks=follow)
    except OSError as error:
        if error.errno in _NOTHING:
            return None
        raise Trouble(f"{path} cannot be looked at: {reason(error)}", remedy=_remedy(path, error)) from None
    except ValueError:  # a NUL, or what the system's encoding has no bytes for
        raise Trouble(f"{str(path)!r} is no path", remedy="write it without NULs, in UTF-8") from None


def names_file(path: Path) -> bool:
    """Whether there is a file of that name. Raises Trouble as `look`."""
    found = look(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def _remedy(path: Path, error: OSError) -> str:
    if error.errno != errno.EACCES:
        return "give another path"
    shut = next((above for above in reversed(path.parents) if not os.access(above, os.X_OK)), path.parent)
    return f"let this user into {shut.absolute()} (chmod o+x), or give a path elsewhere"


def working() -> Path | None:
    """The working directory; `None` where it was removed meanwhile."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def temporary() -> Path:
    """The folder for temporary files, whether or not any can be written there now."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # none that Python knows of can be written to
        return Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 -- named, and nothing is kept there


def home() -> Path | None:
    """This user's home; `None` for a user whom the system does not know and who has no HOME."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def xdg(variable: str, default: str) -> Path:
    """A folder of the XDG base directory standard, by which one that is not whole counts as none.

    Args:
        variable: of the environment.
        default: from the home on.
    """
    own = Path(os.environ.get(variable) or "")
    return own if own.is_absolute() else Path("~") / default


def expanded(path: Path) -> Path:
    """The path with `~` spelt out.

    Raises:
        Trouble: whose home that would be is not known, or the system can have no such path.
    """
    try:
        if b"\0" in os.fsencode(path):
            raise Trouble(f"{str(path)!r} is no path: it has a NUL", remedy="write it without")
    except UnicodeEncodeError:
        raise Trouble(
            f"{str(path)!a} is no path here: file names are {sys.getfilesystemencoding()}",
            remedy="start it with LC_ALL=C.UTF-8, or PYTHONUTF8=1",
        ) from None
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


def keep(path: Path, data: bytes) -> None:
    """Write a secret whole or not at all, for its owner alone to read: whose the one before it and the folder are.

    Raises:
        OSError: it cannot be written.
    """
    handle, new = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 -- it is open already
            file.write(data)
            file.flush()
            os.fsync(handle)
        with contextlib.suppress(OSError):  # there was none, or this user may give nothing away
            before, folder = path.lstat(), path.parent.stat()
            if before.st_uid == folder.st_uid:  # else anybody could have put it there, in /tmp say
                os.chown(new, before.st_uid, before.st_gid)
        Path(new).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(new).unlink()
        raise
