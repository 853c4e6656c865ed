"""What is wrong with what a person gave, or with this machine: said in one line, with what to do about it."""

from __future__ import annotations

import errno

_REASONS = {
    errno.EROFS: "it is on a file system that is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your quota of the disk is used up",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOTDIR: "a file is where a directory should be",
    errno.EEXIST: "it is there already",
    errno.EISDIR: "it is a directory",
    errno.ENOENT: "it is not there",
}


class Trouble(Exception):
    """A command that meets it prints both parts, and leaves with status 2.

    Args:
        message: what is wrong, without a capital.
        remedy: what to do about it.
    """

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def reason(error: OSError) -> str:
    """What the system says, in words that help."""
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)
