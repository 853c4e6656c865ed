"""A cache that this process of tests makes once, as a machine does: a language model takes 4 s of CPU."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path


def folder() -> Path:
    """Where it is; gone with this process."""
    return Path(_made().name)


@functools.cache
def _made() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="voicegw-cache-")
