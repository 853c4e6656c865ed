"""The promises to devices, in the registry's file: kept over a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.front.registry_file import Store
from gateway.wire.promises import Moment, Promise, Wish, promise

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_COLUMNS = "number, device, wish, made, due, boot, due_up, missed"


class PromiseBook:
    """The table of promises."""

    def __init__(self, store: Store) -> None:
        self._store = store

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
