"""What a front tells the others: what its page shows of itself, theirs shows as well."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final

from gateway.bus import crossing, subjects
from gateway.bus.connection import Bus, Message
from gateway.errors import GatewayError

KINDS: Final = frozenset({"arrived", "promise"})
"""Of events; the rest comes from hosts, which tell every front."""


class Telling:
    """One front's.

    Args:
        bus: to the others.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._front = secrets.token_hex(4)
        self._outbox: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.heard: Callable[[str, dict[str, Any]], None] = lambda _kind, _data: None

    def begin(self) -> None:
        self._task = asyncio.create_task(self._run(), name="telling")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        """Tell the others of an event, if it is of those that they want to know."""
        if kind in KINDS and self._bus.here:
            self._outbox.put_nowait((kind, data))

    async def _run(self) -> None:
        await self._bus.hear(subjects.TELLINGS, self._hear)
        while True:
            kind, data = await self._outbox.get()
            try:
                told = {"front": self._front, "kind": kind, "data": data}
                await self._bus.tell(subjects.TELLINGS, crossing.pack(told))
            except GatewayError:
                continue  # nobody can be told now

    def _hear(self, message: Message) -> None:
        told = crossing.unpack(message.data)
        kind, data = told.get("kind"), told.get("data")
        if told.get("front") != self._front and kind in KINDS and isinstance(data, dict):
            self.heard(str(kind), data)
