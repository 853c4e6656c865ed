"""Who may connect: identities, keys and when each was last seen, in SQLite."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from loguru import logger

from gateway.errors import Conflict, GatewayError, NotFound, Unauthorized
from gateway.front.challenge import digest_of
from gateway.front.registry_file import StorageError, Store, opened

KEY_PREFIX = "vgw_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Role(StrEnum):
    """What a key is good for: to talk, or also to see the page, transcripts and devices."""

    DEVICE = "device"
    OPERATOR = "operator"


class BadName(GatewayError):
    """A name that would not do in a file, a host name or a log line."""

    code = "bad_name"
    status = 422


@dataclass(frozen=True, slots=True)
class Device:
    """One identity. Times are Unix seconds."""

    id: str
    name: str
    role: Role
    created_at: float
    revoked_at: float | None
    last_seen: float | None
    address: str | None
    board: str | None
    fw: str | None


def check_name(name: str) -> None:
    """Raises BadName."""
    if not _NAME.fullmatch(name):
        raise BadName(f"{name!r} is no device name", remedy="use 1 to 63 letters, digits, '.', '_' or '-'")


class Registry:
    """The table of devices; opened with `open_registry`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def add(self, name: str, role: Role = Role.DEVICE) -> tuple[Device, str]:
        """Enrol a device. Returns it and its key, which is stored hashed only and never shown again.

        Raises:
            BadName: not 1 to 63 letters, digits, `.`, `_` or `-`. Conflict: the name is in use.
            StorageError: it is not enrolled.
        """
        check_name(name)
        key = KEY_PREFIX + secrets.token_urlsafe(32)
        device = Device(secrets.token_hex(4), name, role, time.time(), None, None, None, None, None)
        async with self.store.writing(f"{name} is not enrolled") as db:
            await db.execute("DELETE FROM devices WHERE name = ? AND revoked_at IS NOT NULL", (name,))
            if await self._one("name = ?", name) is not None:
                raise Conflict(f"there is a device {name} already", remedy="revoke it, or use another name")
            await db.execute(
                "INSERT INTO devices (id, name, role, key_sha256, created_at) VALUES (?, ?, ?, ?, ?)",
                (device.id, name, str(role), _digest(key), device.created_at),
            )
        return device, key

    async def authenticate(self, key: str) -> Device:
        """Find the device of a key.

        Raises:
            Unauthorized: nobody's key, or a revoked one.
        """
        # A key has 256 random bits: a plain digest resists guessing, and its look-up tells nothing by time.
        device = await self._one("key_sha256 = ?", _digest(key))
        if device is None or device.revoked_at is not None:
            state = "revoked" if device else "not known here"
            raise Unauthorized(f"this key is {state}", remedy="make one with: voicegw devices add NAME")
        return device

    async def proving(self, is_proof: Callable[[bytes], bool]) -> tuple[Device, bytes]:
        """Find the device whose key something was proven with; gives what we keep of the key, too.

        Args:
            is_proof: says it of a key's digest; a home has few of them.

        Raises:
            Unauthorized: nobody's, or a revoked one's.
        """
        for row in await self._read("revoked_at IS NULL", columns=f"{_COLUMNS}, key_sha256"):
            if is_proof(row[-1]):
                return _device(row[:-1]), row[-1]
        raise Unauthorized(
            "this proves no key that is known here", remedy="make one with: voicegw devices add NAME"
        )

    async def holds(self, key_id: str) -> bool:
        """Whether the key of this identity is still good."""
        device = await self._one("id = ?", key_id)
        return device is not None and device.revoked_at is None

    async def revoke(self, name: str) -> Device:
        """Let a device in no more; it keeps its row until the name is used again.

        Raises:
            NotFound: no such device. StorageError: it is not revoked.
        """
        device = await self._one("name = ?", name) if _NAME.fullmatch(name) else None
        if device is None:
            raise NotFound(f"there is no device {name}", remedy="see: voicegw devices")
        async with self.store.writing(f"{name} is not revoked") as db:
            await db.execute(
                "UPDATE devices SET revoked_at = coalesce(revoked_at, ?) WHERE name = ?", (time.time(), name)
            )
            await _forget(db, name)
        return device

    async def seen(self, name: str, address: str, board: str | None = None, fw: str | None = None) -> None:
        """Note that a device connected; unknown names are left out. A full disk, say, fails no call."""
        try:
            async with self.store.writing(f"that {name} was here is not noted") as db:
                await db.execute(
                    "UPDATE devices SET last_seen = ?, address = ?, board = coalesce(?, board), fw = coalesce(?, fw)"
                    " WHERE name = ?",
                    (time.time(), address, board, fw, name),
                )
        except StorageError as error:
            logger.warning("{}", error.message)

    async def put(self, row: dict[str, Any]) -> None:
        """Have the device that another front has told of, as it told; raises StorageError."""
        values = (row["name"], str(Role(row["role"])), bytes.fromhex(row["key"]), row["created_at"])
        async with self.store.writing(f"{row['name']} is not kept") as db:
            earlier = await db.execute(
                "DELETE FROM devices WHERE name = ? AND id <> ?", (row["name"], row["id"])
            )
            await db.execute(
                "INSERT INTO devices (id, name, role, key_sha256, created_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET revoked_at = coalesce(revoked_at, excluded.revoked_at)",
                (row["id"], *values, row["revoked_at"]),
            )
            if row["revoked_at"] is not None or earlier.rowcount:
                await _forget(db, row["name"])

    async def rows(self) -> list[dict[str, Any]]:
        """Every device as `put` takes one: what another front has to know of it."""
        found = await self._read("TRUE", columns="id, name, role, key_sha256, created_at, revoked_at")
        told = ("id", "name", "role", "key", "created_at", "revoked_at")
        return [dict(zip(told, (*row[:3], row[3].hex(), *row[4:]), strict=True)) for row in found]

    async def all(self) -> list[Device]:
        """Every device, by name, revoked ones too."""
        return [_device(row) for row in await self._read("TRUE ORDER BY name")]

    async def _one(self, where: str, value: str | bytes) -> Device | None:
        rows = await self._read(where, value)
        return _device(rows[0]) if rows else None

    async def _read(self, where: str, *values: str | bytes, columns: str = "") -> list[Any]:
        query = f"SELECT {columns or _COLUMNS} FROM devices WHERE {where}"  # noqa: S608 -- `where` is ours
        return list(await self.store.read(query, values, unknown="who may connect is not known now"))


async def _forget(db: Any, name: str) -> None:
    """What was promised to a device, and said with it: the next of its name may be somebody else's."""
    await db.execute("DELETE FROM promises WHERE device = ?", (name,))
    for table in ("history", "summaries", "preferences"):
        await db.execute(f"DELETE FROM {table} WHERE who = ?", (name,))  # noqa: S608 -- ours


_COLUMNS = "id, name, role, created_at, revoked_at, last_seen, address, board, fw"


def _device(row: Sequence[Any]) -> Device:
    return Device(row[0], row[1], Role(row[2]), *row[3:])


def _digest(key: str) -> bytes:
    return digest_of(key)


@asynccontextmanager
async def open_registry(data_dir: Path) -> AsyncIterator[Registry]:
    """Open the registry in a directory; see `registry_file.opened`."""
    async with opened(data_dir) as store:
        yield Registry(store)
