"""What `/start` was given, for the offer that follows."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

MOST: Final = 256


class Reserved:
    """By the session's id; the oldest go."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[str, Any] = OrderedDict()

    async def keep(self, session_id: str, body: Any) -> None:
        """Keep it."""
        self._bodies[session_id] = {} if body is None else body
        while len(self._bodies) > MOST:
            self._bodies.popitem(last=False)

    async def find(self, session_id: str) -> Any | None:
        """It, or `None` where nothing was reserved under this id."""
        return self._bodies.get(session_id)

    async def claim(self, session_id: str) -> bool:
        """Whether a call may have this id as far as other fronts go: of all that are offered one, the first may."""
        del session_id
        return True
