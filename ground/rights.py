"""What a process of ours keeps to itself: what it writes, and what is in its memory when it crashes."""

from __future__ import annotations

import contextlib
import os

try:
    import resource
except ImportError:  # Windows, where only tools run
    resource = None  # type: ignore[assignment]


def keep_to_itself() -> None:
    """What it, and what it starts, writes from now on is its user's alone, and a crash leaves no memory behind."""
    os.umask(0o077)
    leave_no_core()


def leave_no_core() -> None:
    """No core dump, for it would hold keys: not in a file, and not by a program that the system pipes it to.

    The limit is one byte, for which Linux does neither; with none at all it would still pipe (core(5), do_coredump).
    """
    if resource is None:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    most = 1 if hard == resource.RLIM_INFINITY else min(1, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))
