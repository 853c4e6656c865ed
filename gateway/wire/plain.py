"""JSON of others, and whether it can be handed on: text that UTF-8 can write, finite numbers, no deep nest; pure."""

from __future__ import annotations

import json
from typing import Any, Final

MAX_DEPTH: Final = 32
"""Lists and objects in each other; pydantic's serialiser gives up at 255, and the bus takes 48."""


def fault(value: Any, most: int | None = None) -> str | None:
    """Why a value of JSON can't be handed on, or has more than `most` bytes as JSON; `None` where it can."""
    if is_deeper(value, MAX_DEPTH):
        return f"nested deeper than {MAX_DEPTH}"
    try:
        size = len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except ValueError as error:
        return str(error)
    return f"{size} bytes are more than {most}" if most is not None and size > most else None


def text(given: str) -> str:
    """Text that UTF-8 can write: half a character, as a service that cuts its stream anywhere sends it, is a `?`."""
    return given.encode(errors="replace").decode()


def is_deeper(value: Any, most: int) -> bool:
    """Whether there are more than so many lists and objects in each other."""
    level = [value]
    for _ in range(most):
        level = [
            x for y in level if isinstance(y, dict | list) for x in (y.values() if isinstance(y, dict) else y)
        ]
        if not level:
            return False
    return True
