"""Calls on the phone as the front has them: what their bots say waits here for the provider's WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from loguru import logger

from gateway.errors import GatewayError
from gateway.front.places.place import Places
from gateway.wire.calls import EndCall, LineMessage, PhoneCall, SessionEvent

MAX_WAITING: Final = 1_000
"""Messages for a provider that takes none: 20 s of sound. Then it is hung up on."""
MAX_CHARACTERS: Final = 4 << 20
"""Of all of them: 20 s of sound have a tenth of that."""


class LineEnd:
    """The front's end of one call on the phone."""

    def __init__(self, workers: Places, session_id: str) -> None:
        self._workers = workers
        self._id = session_id
        self._said: asyncio.Queue[LineMessage] = asyncio.Queue(MAX_WAITING)
        self._characters = 0
        self._over = asyncio.Event()
        self.reason = "client_left"

    def heard(self, text: str | None, data: str | None) -> None:
        """Pass on what the provider says."""
        self._workers.heard(LineMessage(session_id=self._id, text=text, data=data))

    async def said(self) -> LineMessage | None:
        """The next message for the provider; `None` when the bot has hung up or has ended."""
        waiting = asyncio.create_task(self._said.get(), name="line-said")
        over = asyncio.create_task(self._over.wait(), name="line-over")
        try:
            await asyncio.wait({waiting, over}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                return None
            message = waiting.result()
            self._characters -= _characters(message)
            return message
        finally:
            waiting.cancel()
            over.cancel()

    def take(self, event: SessionEvent) -> None:
        """Take what its media process tells."""
        if event.kind == "ended":
            self.reason = event.data["reason"]
            self._over.set()
        elif event.kind == "line":
            message = LineMessage(session_id=self._id, **event.data)
            self._characters += _characters(message)
            if self._said.full() or self._characters > MAX_CHARACTERS:
                logger.warning("the provider takes nothing; the call is hung up")
                self._over.set()
            else:
                self._said.put_nowait(message)


def _characters(message: LineMessage) -> int:
    return len(message.text or "") + len(message.data or "")


class Lines:
    """All of them.

    Args:
        workers: where calls live.
    """

    def __init__(self, workers: Places) -> None:
        self._workers = workers
        self._ends: dict[str, LineEnd] = {}

    @asynccontextmanager
    async def call(self, call: PhoneCall) -> AsyncIterator[LineEnd]:
        """Hold a call for the length of the block, and end it there if it has not ended by itself.

        Raises:
            Busy: there is no room for it. ConfigError: its bot can't be begun.
        """
        end = self._ends[call.session_id] = LineEnd(self._workers, call.session_id)
        try:
            await self._workers.phone(call)
            try:
                yield end
            finally:
                await self._end(call.session_id)
        finally:
            del self._ends[call.session_id]

    async def _end(self, session_id: str) -> None:
        if session_id in self._workers:
            try:
                await self._workers.end(EndCall(session_id=session_id, reason="client_left"))
            except GatewayError as error:
                logger.info("session {} could not be ended: {}", session_id, error.message)

    def take(self, event: SessionEvent) -> None:
        """Take what media processes tell of calls; those of others are left alone."""
        if (end := self._ends.get(event.session_id)) is not None:
            end.take(event)
