"""What `/start` was given, for the offer that may come to another front."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from gateway.bus.connection import Bus
from gateway.bus.shelf import Shelf
from gateway.errors import GatewayError
from gateway.front.reserved import Reserved

SHELF: Final = "voicegw_reserved"
SECONDS: Final = 600.0
"""For the offer to come."""


class SharedReserved(Reserved):
    """While NATS is away it is known to the front that was asked, and to no other.

    Args:
        bus: to NATS.
    """

    def __init__(self, bus: Bus) -> None:
        super().__init__()
        self._shelf = Shelf(bus, SHELF, seconds=SECONDS)

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
        if found is not None or not session_id.isalnum():
            return found
        with contextlib.suppress(GatewayError):
            entry = await self._shelf.get(session_id)
            return None if entry is None or entry.body is None else entry.body.get("body")
        return None
