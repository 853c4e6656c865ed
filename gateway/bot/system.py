"""What the kernel is asked for beyond Python's own: ends tied to a parent, orphans, limits; nothing where it can't."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
from pathlib import Path

from gateway import processes
from gateway.sections import BotLimits
from ground import rights

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
"""prctl(2)"""
_OOM_SCORE = "500"
"""Of -1000 to 1000: where memory runs out, a bot is what the kernel takes, before media and front."""
_HIGHEST_DESCRIPTOR = 4_096
_MEGABYTE = 1 << 20


def end_with(parent: int, signal_: signal.Signals) -> None:
    """Have this process signalled when its parent ends, which may have happened already."""
    if _prctl(_PR_SET_PDEATHSIG, signal_) and os.getppid() != parent:
        os.kill(os.getpid(), signal_)


def adopt_orphans() -> None:
    """Become the parent of whatever a descendant leaves behind, in the place of init."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> bool:
    function = getattr(ctypes.CDLL(None), "prctl", None)
    return function is not None and function(option, ctypes.c_ulong(value), 0, 0, 0) == 0


def threads() -> list[str]:
    """The names of this process's threads, as the kernel has them; empty where it doesn't tell."""
    return [_own(f"task/{thread}/comm").strip() for thread in processes.listed("self", "task")]


def descriptors() -> set[int]:
    """The open file descriptors of this process."""
    listed = {int(name) for name in processes.listed("self", "fd")}
    return {fd for fd in listed or range(_HIGHEST_DESCRIPTOR) if _is_open(fd)}


def receive(sock: socket.socket, most: int) -> tuple[bytes, list[int]]:
    """What has come over a socket, with its descriptors, which no program that is started here inherits."""
    data, descriptors, _, _ = socket.recv_fds(sock, 1 << 16, most)
    for fd in descriptors:
        os.set_inheritable(fd, False)  # unlike what Python opens itself, PEP 446
    return data, descriptors


def confine(limits: BotLimits) -> None:
    """Limit what this process may take from here on; what it has already does not count.

    Address space that is only reserved, as onnxruntime and malloc's arenas do, is free: RLIMIT_DATA counts private
    memory that can be written. Processes are not limited here, since RLIMIT_NPROC counts all that its user runs.
    """
    _lower(resource.RLIMIT_DATA, _data_bytes() + limits.memory_mb * _MEGABYTE)
    _lower(resource.RLIMIT_NOFILE, limits.files)
    rights.leave_no_core()
    os.umask(limits.umask)
    if limits.nice:
        os.nice(limits.nice)
        _write("/proc/self/autogroup", str(limits.nice))  # where each session is a group, nice is within it
    _write("/proc/self/oom_score_adj", _OOM_SCORE)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS knows some by name only
        resource.setrlimit(which, (value, value))


def _data_bytes() -> int:
    fields = _own("statm").split()
    return int(fields[5]) * resource.getpagesize() if fields else 0


def _own(name: str) -> str:
    try:
        return processes.told("self", name)
    except OSError:  # a thread ended meanwhile, or there is no such thing here
        return ""


def _write(path: str, text: str) -> None:
    with contextlib.suppress(OSError):
        Path(path).write_text(text)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
