"""Who of our processes runs first on a busy machine: sound passes through them, or they say where it is to."""

from __future__ import annotations

import contextlib
import os
from typing import Final

NICE: Final = -5
"""nice(2) of what sound is due in, every 20 ms; twice a bot's share, and it need not wait for one's turn to end."""
_BEFORE: Final = "_VOICEGW_NICE"
"""Tells what such a process starts how nice the first of them was."""


def go_first() -> None:
    """Run before what else there is to do, where the system lets this user."""
    os.environ.setdefault(_BEFORE, str(_nice()))
    _renice(min(NICE, _nice()))


def step_back() -> None:
    """Give up the priority of whoever started this process; where that left more to others before, so does this."""
    _renice(max(0, _nice(), int(os.environ.get(_BEFORE, "0"))))


def _nice() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else 0


def _renice(nice: int) -> None:
    if nice != _nice():
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, nice)
