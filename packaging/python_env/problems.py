"""What can go wrong while setting up, each with a cause and a remedy for a person."""

from __future__ import annotations

import errno
import re
from pathlib import Path


class Problem(Exception):
    """A set-up that can't go on; `remedy` is one line."""

    def __init__(self, cause: str, *, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


# What pip, uv and apt-get say, and what a person can do about it; the first that is found holds.
_COMPLAINTS = (
    (
        r"No space left on device|os error 28\b|Disk quota exceeded",
        "the disk is full",
        "make room (about 2 GB), and run it again",
    ),
    (
        r"invalid peer certificate|certificate verify failed|UnknownIssuer|CERTIFICATE_VERIFY",
        "the package index's certificate is not trusted here",
        "give its CA's file: pip config set global.cert FILE, or SSL_CERT_FILE=FILE",
    ),
    (
        r"\b40[137]\b (?:Unauthorized|Forbidden|Proxy Authentication)|Missing credentials",
        "the package index or the proxy refused the credentials",
        "look at `pip config list` and at the environment's PIP_*, UV_* and *_PROXY",
    ),
    (
        r"Hash mismatch|DO NOT MATCH THE HASHES",
        "a package is not the one that the lock file names",
        "ask who runs the package index; nothing of it was installed",
    ),
    (
        r"Python\.h|no acceptable C compiler|CMAKE_C_COMPILER|Failed to build",
        "a package that has no wheel for this Python and machine could not be built",
        "use a Python that has them: make clean, then make run PYTHON=python3.13",
    ),
    (
        (
            r"Temporary failure resolving|Could not (?:resolve|connect|fetch)|Failed to fetch|dns error|timed out"
            r"|Connection refused|error sending request|NewConnectionError|Name or service not known"
            r"|Network is unreachable|No route to host"
        ),
        "a package could not be fetched",
        "look at the network; a proxy or an index of your own is taken from pip's settings and from UV_*",
    ),
    (
        r"No solution found|no matching distribution|was not found in the package registry|Could not find a version",
        "the package index lacks a version that the lock file names",
        "look at `pip config list`: an index of your own has to carry these too",
    ),
    (
        r"Unable to locate package|has no installation candidate",
        "apt-get does not know a package",
        "look at /etc/apt: Debian 12 or newer, or Ubuntu 24.04 or newer with universe, is needed",
    ),
    (
        r"Could not get lock|Unable to acquire the dpkg frontend lock",
        "another program is installing packages",
        "wait until it has ended, and run it again",
    ),
    (
        r"Permission denied|Read-only file system|os error 13\b|os error 30\b",
        "a folder can't be written to",
        "look at who owns this folder and your cache; a .venv of root's: sudo rm -rf .venv build",
    ),
)


def of_log(step: str, log: Path, text: str) -> Problem:
    """What a program's output says about why a step failed."""
    for pattern, cause, remedy in _COMPLAINTS:
        if re.search(pattern, text, re.IGNORECASE):
            return Problem(f"{step} failed: {cause}", remedy=f"{remedy}; the whole of it: {log}")
    return Problem(f"{step} failed", remedy=f"what was said last stands in {log}")


def of_system(error: OSError) -> Problem:
    """What the system refused."""
    text = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
    remedy = "look at who owns this folder; a .venv or build folder of root's: sudo rm -rf .venv build"
    if error.errno == errno.ENOSPC:
        remedy = "make room (about 2 GB), and run it again"
    return Problem(text, remedy=remedy)
