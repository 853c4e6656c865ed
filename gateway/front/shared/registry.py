"""The registry of several fronts: its truth is a shelf of NATS's, and each front's file is a copy of that.

While NATS is away a front knows whom it knew, over its own restart too, and refuses changes. A key that only its own
file has, because there was no NATS before or NATS has lost its disk, is put onto the shelf; a revocation is never taken
back.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from loguru import logger

from gateway.bus.connection import Away, Bus
from gateway.bus.shelf import Entry, Shelf
from gateway.errors import Conflict, GatewayError, NotFound
from gateway.front.challenge import digest_of
from gateway.front.registry import KEY_PREFIX, Device, Registry, Role, check_name
from gateway.front.registry_file import StorageError, Store
from gateway.recurring import Recurring

SHELF: Final = "voicegw_devices"
WHOLE_SECONDS: Final = 5.0
"""For NATS to tell of all keys, where somebody waits for it."""
AGAIN_SECONDS: Final = 1.0
"""Before what this front could not keep is tried again."""
TRIES: Final = 4
"""Where others change the same."""


class SharedRegistry(Registry):
    """The same to those who use it.

    Args:
        store: this front's copy.
        bus: to NATS.
    """

    def __init__(self, store: Store, bus: Bus) -> None:
        super().__init__(store)
        self.revoked: Callable[[str], None] = lambda _name: None
        """Called with the name of a device that is to be here no more."""
        self._shelf = Shelf(bus, SHELF, changed=self._heard, whole=self._all_heard)
        self._news: asyncio.Queue[Entry | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.is_whole = asyncio.Event()

    def begin(self) -> None:
        """Follow the shelf from now on."""
        self._shelf.begin()
        self._task = asyncio.create_task(self._copy(), name="shared-keys")

    async def close(self) -> None:
        await self._shelf.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def whole(self) -> None:
        """Wait until all keys are here; raises Away."""
        try:
            await asyncio.wait_for(self.is_whole.wait(), WHOLE_SECONDS)
        except TimeoutError:
            raise Away(
                "NATS does not answer: keys can't be changed", remedy="try again when it is back"
            ) from None

    # -- changes

    async def add(self, name: str, role: Role = Role.DEVICE) -> tuple[Device, str]:
        """As without NATS; raises Away as well."""
        check_name(name)
        key = KEY_PREFIX + secrets.token_urlsafe(32)
        device = Device(secrets.token_hex(4), name, role, time.time(), None, None, None, None, None)
        row = _row(device, digest_of(key))
        there = await self._shelf.get(_key(name))
        if there is not None and there.body is not None and there.body.get("revoked_at") is None:
            raise Conflict(f"there is a device {name} already", remedy="revoke it, or use another name")
        if there is None:
            await self._shelf.create(_key(name), row)
        else:
            await self._shelf.update(_key(name), row, there.revision)
        await self.put(row)
        return device, key

    async def revoke(self, name: str) -> Device:
        """As without NATS; raises Away as well."""
        for _ in range(TRIES):
            there = await self._shelf.get(_key(name))
            if there is None or there.body is None:
                raise NotFound(f"there is no device {name}", remedy="see: voicegw devices")
            row = {**there.body, "revoked_at": there.body.get("revoked_at") or time.time()}
            try:
                await self._shelf.update(_key(name), row, there.revision)
            except Conflict:
                continue
            await self.put(row)
            break
        return await super().revoke(name)

    # -- the copy

    def _heard(self, entry: Entry) -> None:
        self._news.put_nowait(entry)

    async def _all_heard(self) -> None:
        self._news.put_nowait(None)

    async def _copy(self) -> None:
        trouble = Recurring("what NATS tells of keys is not kept", level="ERROR")
        while True:
            news = await self._news.get()
            try:
                if news is None:
                    await self._give()
                    self.is_whole.set()
                elif news.body is not None:
                    await self.put(news.body)
                    if news.body.get("revoked_at"):
                        self.revoked(news.body["name"])
                trouble.over()
            except StorageError as error:  # its disk is full, say, or somebody else writes there
                trouble.met(error.message)
                await asyncio.sleep(AGAIN_SECONDS)
                self._news.put_nowait(news and self._shelf.entries.get(news.key, news))
            except (GatewayError, KeyError, TypeError, ValueError) as error:
                trouble.met(str(error))

    async def _give(self) -> None:
        """Put onto the shelf what it lacks."""
        for row in await self.rows():
            there = self._shelf.entries.get(_key(row["name"]))
            body = there.body if there is not None else None
            try:
                if there is None or body is None:
                    await self._shelf.create(_key(row["name"]), row)
                    logger.info("the key of {} is shared with the other fronts", row["name"])
                elif body["id"] == row["id"] and row["revoked_at"] and not body.get("revoked_at"):
                    await self._shelf.update(_key(row["name"]), row, there.revision)
            except Conflict:
                continue  # another front has done it


def _key(name: str) -> str:
    """A name as NATS takes one: it may end in a dot."""
    return name.encode().hex()


def _row(device: Device, digest: bytes) -> dict[str, Any]:
    return {
        "id": device.id,
        "name": device.name,
        "role": str(device.role),
        "key": digest.hex(),
        "created_at": device.created_at,
        "revoked_at": device.revoked_at,
    }
