"""What time it is for all fronts, and which of two calls is the later one: NATS says both."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final

from gateway.bus.connection import Bus
from gateway.bus.shelf import Entry, Shelf
from gateway.errors import GatewayError
from gateway.wire.calls import Order

SHELF: Final = "voicegw_order"
TICK_SECONDS: Final = 60.0
_LAST: Final = "last"
_TICK: Final = "tick"
"""Which alone is heard of: calls begin more often than clocks go wrong."""


class Clock:
    """NATS's, as it is known here. Machines' own may be minutes apart.

    Args:
        bus: to NATS.
    """

    def __init__(self, bus: Bus) -> None:
        self._shelf = Shelf(bus, SHELF, changed=self._heard, whole=self._ask, keys=_TICK)
        self._ahead = time.time() - time.monotonic()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._shelf.begin()
        self._task = asyncio.create_task(self._tick(), name="shared-clock")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._shelf.close()

    def now(self) -> float:
        """Unix seconds."""
        return time.monotonic() + self._ahead

    async def order(self) -> Order:
        """The next one: when NATS made the shelf, and how many there were on it before; raises Away."""
        revision = await self._shelf.put(_LAST, {})
        return self._shelf.created_at, revision

    def _heard(self, entry: Entry) -> None:
        if entry.news:  # else it may have stood there for long
            self._ahead = entry.at - time.monotonic()

    async def _ask(self) -> None:
        await self._shelf.put(_TICK, {})

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            with contextlib.suppress(GatewayError):
                await self._ask()
