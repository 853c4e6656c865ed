"""Who may connect: identities, keys and when each was last seen, in SQLite."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import aiosqlite
from loguru import logger

from gateway.errors import Conflict, GatewayError, NotFound, Unauthorized

_KEY_PREFIX = "vgw_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS devices (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL CHECK (role IN ('device', 'operator')),
    key_sha256 BLOB NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    revoked_at REAL,
    last_seen  REAL,
    address    TEXT,
    board      TEXT,
    fw         TEXT
)
"""


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


class Registry:
    """The table of devices; opened with `open_registry`."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db

    async def add(self, name: str, role: Role = Role.DEVICE) -> tuple[Device, str]:
        """Enrol a device. Returns it and its key, which is stored hashed only and never shown again.

        Raises:
            BadName: not 1 to 63 letters, digits, `.`, `_` or `-`. Conflict: the name is in use.
        """
        if not _NAME.fullmatch(name):
            raise BadName(
                f"{name!r} is no device name", remedy="use 1 to 63 letters, digits, '.', '_' or '-'"
            )
        key = _KEY_PREFIX + secrets.token_urlsafe(32)
        device = Device(secrets.token_hex(4), name, role, time.time(), None, None, None, None, None)
        try:
            await self._db.execute("DELETE FROM devices WHERE name = ? AND revoked_at IS NOT NULL", (name,))
            await self._db.execute(
                "INSERT INTO devices (id, name, role, key_sha256, created_at) VALUES (?, ?, ?, ?, ?)",
                (device.id, name, str(role), _digest(key), device.created_at),
            )
        except aiosqlite.IntegrityError:
            await self._db.rollback()
            raise Conflict(
                f"there is a device {name} already", remedy="revoke it, or use another name"
            ) from None
        await self._db.commit()
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

    async def holds(self, key_id: str) -> bool:
        """Whether the key of this identity is still good."""
        device = await self._one("id = ?", key_id)
        return device is not None and device.revoked_at is None

    async def revoke(self, name: str) -> Device:
        """Let a device in no more; it keeps its row until the name is used again.

        Raises:
            NotFound: no such device.
        """
        device = await self._one("name = ?", name)
        if device is None:
            raise NotFound(f"there is no device {name}", remedy="see: voicegw devices")
        await self._db.execute(
            "UPDATE devices SET revoked_at = coalesce(revoked_at, ?) WHERE name = ?", (time.time(), name)
        )
        await self._db.commit()
        return device

    async def seen(self, name: str, address: str, board: str | None = None, fw: str | None = None) -> None:
        """Note that a device connected; unknown names are left out. A full disk, say, fails no call."""
        try:
            await self._db.execute(
                "UPDATE devices SET last_seen = ?, address = ?, board = coalesce(?, board), fw = coalesce(?, fw)"
                " WHERE name = ?",
                (time.time(), address, board, fw, name),
            )
            await self._db.commit()
        except aiosqlite.Error as error:
            logger.warning("that {} was here could not be noted: {!r}", name, error)

    async def all(self) -> list[Device]:
        """Every device, by name, revoked ones too."""
        async with self._db.execute(f"SELECT {_COLUMNS} FROM devices ORDER BY name") as rows:  # noqa: S608
            return [_device(row) async for row in rows]

    async def _one(self, where: str, value: str | bytes) -> Device | None:
        query = f"SELECT {_COLUMNS} FROM devices WHERE {where}"  # noqa: S608 -- `where` is ours
        async with self._db.execute(query, (value,)) as rows:
            row = await rows.fetchone()
        return None if row is None else _device(row)


_COLUMNS = "id, name, role, created_at, revoked_at, last_seen, address, board, fw"


def _device(row: aiosqlite.Row) -> Device:
    return Device(row[0], row[1], Role(row[2]), *row[3:])


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


@asynccontextmanager
async def open_registry(data_dir: Path) -> AsyncIterator[Registry]:
    """Open `devices.db` in a directory, making both, readable by this user only."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # noqa: ASYNC240 -- once, at start
    path = data_dir / "devices.db"
    path.touch(mode=0o600)
    async with aiosqlite.connect(path) as db:
        await db.execute("PRAGMA journal_mode = WAL")
        await db.execute("PRAGMA busy_timeout = 3000")
        await db.execute(_SCHEMA)
        await db.commit()
        yield Registry(db)
