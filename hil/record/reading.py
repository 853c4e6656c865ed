"""A file that an earlier run left, or that was taken for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from ground import text
from hil.errors import Unusable

T = TypeVar("T")
_MOST: Final = 100_000_000  # bytes: a long call has a figure every few seconds


def read(path: Path, form: Callable[[str], T], what: str) -> T:
    """What a file of the rig's holds.

    Args:
        path: of the file.
        form: makes of its JSON what it holds, by pydantic.
        what: it should be, and what to name instead; for a person.

    Raises:
        Unusable: it is something else, or of another version of the rig. Trouble: it cannot be read.
    """
    found = text.read(path, most=_MOST)
    try:
        return form(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Unusable(f"{path} is no {what} ({where}: {first['msg']})".replace("(: ", "(")) from None
