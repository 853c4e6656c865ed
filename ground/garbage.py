"""Python's collector of garbage, at rest while a process imports what it stays with."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_alone() -> Iterator[None]:
    """What is made meanwhile stays: looking through it again and again costs a start of ours a sixth of its CPU.

    At the end what is garbage goes, and nothing of the rest is looked through again: in mid-call that took 150 ms.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
