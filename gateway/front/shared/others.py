"""What other fronts have done, made true here as well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from loguru import logger

from gateway.errors import GatewayError
from gateway.front.shared.joined import Joined


class Others:
    """Hears of them for one front.

    Args:
        shared: what they have in common.
        show: is given what the page should know.
        revoked: called when a key is good no more.
    """

    def __init__(
        self, shared: Joined, show: Callable[[str, dict[str, Any]], None], revoked: Callable[[], None]
    ) -> None:
        self._shared, self._show, self._revoked = shared, show, revoked
        self._news: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        shared.telling.heard = self._heard
        shared.registry.revoked = self._is_revoked

    async def run(self) -> None:
        """Do what takes a while, until cancelled."""
        while True:
            kind, data = await self._news.get()
            try:
                if kind == "revoked":
                    await self._shared.book.remove_of(data["device"])
                else:
                    texts = (data.get(name) for name in ("device", "address", "board", "fw"))
                    device, address, board, fw = (str(t) if t is not None else None for t in texts)
                    await self._shared.registry.seen(device or "", address or "", board, fw)
            except GatewayError as error:
                logger.info("what another front has told is left: {}", error.message)

    def _heard(self, kind: str, data: dict[str, Any]) -> None:
        self._show(kind, data)
        if kind == "arrived":
            self._news.put_nowait((kind, data))

    def _is_revoked(self, device: str) -> None:
        self._revoked()
        self._news.put_nowait(("revoked", {"device": device}))
