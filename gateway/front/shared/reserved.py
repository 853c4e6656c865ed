"""What `/start` was given, for the offer that may come to another front."""

from __future__ import annotations

import contextlib
import re
import secrets
from typing import Any, Final

from gateway.bus.connection import Bus
from gateway.bus.shelf import Shelf
from gateway.errors import Conflict, GatewayError
from gateway.front.reserved import Reserved

SHELF: Final = "voicegw_reserved"
SECONDS: Final = 600.0
"""For the offer to come."""
_OURS: Final = re.compile("[0-9a-f]{16}")
"""A session's id, as a key; a client may ask for anything, and NATS ends the connection at a subject over 4 kB."""


class SharedReserved(Reserved):
    """While NATS is away it is known to the front that was asked, and to no other.

    Args:
        bus: to NATS.
    """

    def __init__(self, bus: Bus) -> None:
        super().__init__()
        self._front = secrets.token_hex(4)
        self._shelf = Shelf(bus, SHELF, seconds=SECONDS, keys=None)

    def begin(self) -> None:
        self._shelf.begin()

    async def close(self) -> None:
        await self._shelf.close()

    async def keep(self, session_id: str, body: Any) -> None:
        await super().keep(session_id, body)
        with contextlib.suppress(GatewayError):
            await self._shelf.put(session_id, {"body": {} if body is None else body})

    async def find(self, session_id: str) -> Any | None:
        found = await super().find(session_id)
        if found is not None or not _OURS.fullmatch(session_id):
            return found
        with contextlib.suppress(GatewayError):
            entry = await self._shelf.get(session_id)
            return None if entry is None or entry.body is None else entry.body.get("body")
        return None

    async def claim(self, session_id: str) -> bool:
        key = f"{session_id}.call"
        try:
            await self._shelf.create(key, {"front": self._front})
        except Conflict:
            first = await self._shelf.get(key)
            return first is not None and first.body == {"front": self._front}  # which sees to its own
        return True
