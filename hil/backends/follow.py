"""What an emulator prints, forwarded to pytest-embedded at leisure.

Its own way (`log._PopenRedirectProcess` of 2.9) looks without a pause: a whole core, which the emulator then lacks.
"""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Final

_PAUSE_SECONDS: Final = 0.01


class Follower(SpawnProcess):
    """A process that puts what is appended to a file into a queue, for as long as its parent lives."""

    def __init__(self, queue: Any, logfile: str) -> None:
        super().__init__(target=follow, args=(queue, logfile), daemon=True)


def follow(queue: Any, logfile: str) -> None:
    """Put what is in the file, and what will be, into the queue."""
    parent = multiprocessing.parent_process()
    with Path(logfile).open("rb") as file:
        while parent is None or parent.is_alive():
            if text := file.read():
                queue.put(text)
            else:
                time.sleep(_PAUSE_SECONDS)
