"""Firmware from before this gateway spoke TLS: a device with a good key is let in with it once, and then to be flashed.

Its key has been on the network by the time that it could be refused, so that once costs no more than the call's own
secrecy; twice would make it a habit. A device that has proven its key, which stays on it, can do better, and must.
"""

from __future__ import annotations

import time
from typing import Final

from loguru import logger

from gateway.errors import GatewayError, Unauthorized
from gateway.front.registry import Registry, Role

_PLAIN: Final = "plain"
_PROVEN: Final = "proven"


class OldFirmware:
    """Who has been let in with it, and who is beyond it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def is_let_in(self, authorization: str | None, address: str) -> bool:
        """Whether an offer over plain http is taken, this once.

        Args:
            authorization: the request's header.
            address: where it comes from, for the log.
        """
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return False
        try:
            device = await self._registry.authenticate(key.strip())
            if device.role is not Role.DEVICE or await self._known(device.id):
                return False
            await self._note(device.id, _PLAIN)
        except Unauthorized:
            return False
        except GatewayError as error:
            logger.warning("firmware from before TLS is not let in: {}", error.message)
            return False
        logger.warning(
            "{} at {} runs firmware from before TLS, and whoever listens on the network has its key; it is let in this "
            "once. Flash it, which gives it another key: voicegw flash",
            device.name,
            address,
        )
        return True

    async def outgrown(self, key_id: str | None) -> None:
        """This device has proven its key: it needs no plain http any more."""
        if key_id is not None and not await self._known(key_id):
            await self._note(key_id, _PROVEN)

    async def _known(self, key_id: str) -> bool:
        query = "SELECT how FROM plainly WHERE key_id = ?"
        return bool(
            await self._registry.store.read(query, (key_id,), unknown="who may connect is not known now")
        )

    async def _note(self, key_id: str, how: str) -> None:
        async with self._registry.store.writing("how it speaks is not noted") as db:
            await db.execute(
                "INSERT OR REPLACE INTO plainly (key_id, how, at) VALUES (?, ?, ?)",
                (key_id, how, time.time()),
            )
