"""The sounds that the gateway makes itself, 16-bit mono PCM at 16 kHz. Pure."""

from __future__ import annotations

import math
from array import array
from functools import cache
from typing import Final

RATE: Final = 16_000
_LEVEL: Final = 9_000
_NOTES: Final = {"chime": (1318.5, 880.0), "ring": (880.0, 1108.7, 1318.5, 0.0, 880.0, 1108.7, 1318.5)}
"""Hertz, one after the other; 0 is a rest."""
_NOTE_MS: Final = 180
_GAP_MS: Final = 40


@cache
def sound(name: str) -> bytes:
    """A chime (0.44 s) or one ring (1.54 s), ending in silence; nothing for any other name."""
    out = array("h")
    for hertz in _NOTES.get(name, ()):
        length = RATE * _NOTE_MS // 1000
        for n in range(length):
            fade = min(1.0, n / 160, (length - n) / 1600)
            out.append(int(_LEVEL * fade * math.sin(2 * math.pi * hertz * n / RATE)))
        out.extend([0] * (RATE * _GAP_MS // 1000))
    return out.tobytes()
