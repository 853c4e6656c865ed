"""The promises to devices, in the registry's file: kept over a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from gateway.front.registry_file import Store
from gateway.wire.promises import Moment, Promise, Wish, moment, promise

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_COLUMNS = "number, device, wish, made, due, boot, due_up, missed"


class Book(Protocol):
    """Where promises are kept: in this gateway's own file, or by several fronts together."""

    def now(self) -> Moment: ...
    async def all(self) -> list[Promise]: ...
    async def holds(self, number: int) -> bool: ...
    async def add(self, device: str, wish: Wish, now: Moment) -> Promise: ...
    async def miss(self, number: int) -> None: ...
    async def remove(self, number: int) -> None: ...
    async def claim(self, number: int, session_id: str) -> bool:
        """Whether it is ours to say in this session."""

    async def release(self, number: int) -> None:
        """It is said no more, and was not heard to its end."""

    def said_by_others(self) -> dict[int, str]:
        """What other fronts are saying, by number: in which session."""


class PromiseBook(Book):
    """The table of promises: nobody else keeps them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self) -> Moment:
        """By this machine's clocks."""
        return moment(boot_id())

    async def claim(self, number: int, session_id: str) -> bool:
        """It always is."""
        del number, session_id
        return True

    async def release(self, number: int) -> None:
        """There is no one to leave it to."""

    def said_by_others(self) -> dict[int, str]:
        """There are none."""
        return {}

    async def all(self) -> list[Promise]:
        """Every promise, the oldest first; raises StorageError."""
        query = f"SELECT {_COLUMNS} FROM promises ORDER BY number"  # noqa: S608 -- ours
        return [
            _promise(row)
            for row in await self._store.read(query, unknown="what was promised is not known now")
        ]

    async def holds(self, number: int) -> bool:
        """Whether it is still there: a device that is revoked takes its own along."""
        query = "SELECT 1 FROM promises WHERE number = ?"
        return bool(await self._store.read(query, (number,), unknown="what was promised is not known now"))

    async def add(self, device: str, wish: Wish, now: Moment) -> Promise:
        """Keep a new one; raises StorageError where it is not kept."""
        made = promise(0, device, wish, now)
        async with self._store.writing(f"this is not kept for {device}") as db:
            cursor = await db.execute(
                "INSERT INTO promises (device, wish, made, due, boot, due_up) VALUES (?, ?, ?, ?, ?, ?)",
                (device, wish.model_dump_json(), made.made, made.due, made.boot, made.due_up),
            )
        return promise(int(cursor.lastrowid or 0), device, wish, now)

    async def miss(self, number: int) -> None:
        """Note that it was missed; raises StorageError."""
        async with self._store.writing("that something was missed is not noted") as db:
            await db.execute("UPDATE promises SET missed = 1 WHERE number = ?", (number,))

    async def remove(self, number: int) -> None:
        """Keep it no longer; raises StorageError."""
        async with self._store.writing("a promise is not taken back") as db:
            await db.execute("DELETE FROM promises WHERE number = ?", (number,))


def _promise(row: Any) -> Promise:
    number, device, wish, made, due, boot, due_up, missed = row
    return Promise(number, device, Wish.model_validate_json(wish), made, due, boot, due_up, bool(missed))


def boot_id() -> str:
    """Which boot of the machine this is (random(4)); nothing where that can't be told."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
