"""The file that the registry is kept in: made, looked at before it is used, and what its failures mean."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiosqlite

from gateway.errors import ConfigError, GatewayError
from ground import folders
from ground.trouble import Trouble

VERSION: Final = 1
"""Of the table, as `user_version`: a later gateway's is not understood here. What the first gateways wrote has 0."""
_WAIT_SECONDS: Final = 3.0
"""For another process to finish with it."""
_COLUMNS: Final = (
    "id", "name", "role", "key_sha256", "created_at", "revoked_at", "last_seen", "address", "board", "fw",
)  # fmt: skip
_SCHEMA: Final = """
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
_PROMISES: Final = """
CREATE TABLE IF NOT EXISTS promises (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    wish   TEXT NOT NULL,
    made   REAL NOT NULL,
    due    REAL NOT NULL,
    boot   TEXT NOT NULL,
    due_up REAL NOT NULL,
    missed INTEGER NOT NULL DEFAULT 0
)
"""
_MEMORY: Final = (
    """
CREATE TABLE IF NOT EXISTS history (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    who    TEXT NOT NULL,
    device TEXT NOT NULL,
    at     REAL NOT NULL,
    user   TEXT NOT NULL,
    bot    TEXT NOT NULL
)
""",
    "CREATE INDEX IF NOT EXISTS history_of ON history (who, number)",
    "CREATE TABLE IF NOT EXISTS summaries (who TEXT PRIMARY KEY, text TEXT NOT NULL, at REAL NOT NULL)",
    """
CREATE TABLE IF NOT EXISTS preferences (
    who   TEXT NOT NULL,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (who, name)
)
""",
)
_PLAINLY: Final = """
CREATE TABLE IF NOT EXISTS plainly (
    key_id TEXT PRIMARY KEY,
    how    TEXT NOT NULL,
    at     REAL NOT NULL
)
"""
"""A gateway from before these tables leaves them alone, so the version of the file stays."""
_AGAIN: Final = "put a copy of it back, or move it away and enrol the devices again"
_MEANINGS: Final = {
    sqlite3.SQLITE_BUSY: ("another program holds it locked", "end what has it open, and try again"),
    sqlite3.SQLITE_LOCKED: ("another program holds it locked", "end what has it open, and try again"),
    sqlite3.SQLITE_READONLY: ("it cannot be written to", "let this user write to it and to its folder"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "let this user write to it and to its folder"),
    sqlite3.SQLITE_PERM: ("it cannot be written to", "let this user write to it and to its folder"),
    sqlite3.SQLITE_FULL: ("the disk is full", "make room there"),
    sqlite3.SQLITE_IOERR: ("the disk is full, or fails", "make room there, and look at the system's log"),
    sqlite3.SQLITE_NOTADB: ("it is no database", _AGAIN),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", _AGAIN),
}
"""By SQLite's primary result code (sqlite.org/rescode.html)."""


class StorageError(GatewayError):
    """The registry could not be read or written: what was asked for is not done."""

    code = "storage"
    status = 503

    @classmethod
    def of(cls, undone: str, error: sqlite3.Error) -> StorageError:
        """What SQLite says, with what is not done for it."""
        cause, remedy = _meaning(error)
        return cls(f"{undone}: the registry: {cause}", remedy=remedy)


def _meaning(error: sqlite3.Error) -> tuple[str, str]:
    code = getattr(error, "sqlite_errorcode", 0)
    return _MEANINGS.get(code & 0xFF, (str(error), "look at its folder, and at the system's log"))


class Store:
    """The tables, for those who keep something in them: one connection, and one who writes at a time."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db
        self._turn = asyncio.Lock()  # of who writes: a commit is of all that this connection has changed

    async def read(self, query: str, values: Sequence[Any] = (), *, unknown: str) -> list[aiosqlite.Row]:
        """The rows of a query; raises StorageError, which begins with `unknown`."""
        try:
            async with self._db.execute(query, values) as rows:
                return list(await rows.fetchall())
        except aiosqlite.Error as error:
            raise StorageError.of(unknown, error) from error

    @asynccontextmanager
    async def writing(self, undone: str) -> AsyncIterator[aiosqlite.Connection]:
        """Store what the block does, all of it or nothing: what is not stored must not be read here, either."""
        async with self._turn:
            try:
                yield self._db
                await self._db.commit()
            except BaseException as error:
                with suppress(aiosqlite.Error):
                    await self._db.rollback()
                if isinstance(error, aiosqlite.Error):
                    raise StorageError.of(undone, error) from error
                raise


@asynccontextmanager
async def opened(data_dir: Path) -> AsyncIterator[Store]:
    """Open `devices.db` in a directory, making both, readable by this user only.

    Raises:
        ConfigError: one of them cannot be used; says which and what to do.
    """
    path = _ready(data_dir) / "devices.db"
    try:
        sqlite3.connect(path).close()  # what can't be opened leaves aiosqlite a thread that speaks up later
        db = await aiosqlite.connect(path, timeout=_WAIT_SECONDS)
    except sqlite3.Error as error:
        raise _unusable(path, error) from None
    try:
        await _look_at(db, path)
        yield Store(db)
    finally:
        await db.close()


def _ready(data_dir: Path) -> Path:
    try:
        folder = folders.ready(data_dir, setting="data_dir")
        if not (folder / "devices.db").exists():
            (folder / "devices.db").touch(mode=0o600)
    except OSError as error:  # a link that leads nowhere, say
        raise ConfigError.of(folders.unusable(folder / "devices.db", error, setting="data_dir")) from None
    except Trouble as error:
        raise ConfigError.of(error) from None
    return folder


async def _look_at(db: aiosqlite.Connection, path: Path) -> None:
    try:
        version = await _number(db, "PRAGMA user_version")
        if version > VERSION:
            raise ConfigError(
                f"the registry {path} is a later gateway's", remedy="use that gateway, or another data_dir"
            )
        if await _is_of_another(db):
            raise ConfigError(
                f"the registry {path} is another program's database",
                remedy="move it away, or set another data_dir",
            )
        await db.execute("PRAGMA journal_mode = WAL")
        await db.execute("BEGIN IMMEDIATE")  # finds out now whether it can be written to
        await db.execute(_SCHEMA)
        for table in (_PROMISES, _PLAINLY, *_MEMORY):
            await db.execute(table)
        await db.execute(f"PRAGMA user_version = {VERSION}")
        await db.commit()
    except sqlite3.Error as error:
        raise _unusable(path, error) from None


async def _is_of_another(db: aiosqlite.Connection) -> bool:
    if not await _number(db, "SELECT count(*) FROM sqlite_master"):
        return False
    async with db.execute("PRAGMA table_info(devices)") as rows:
        return not {row[1] async for row in rows} >= set(_COLUMNS)


async def _number(db: aiosqlite.Connection, query: str) -> int:
    async with db.execute(query) as rows:
        row = await rows.fetchone()
    return int(row[0]) if row else 0


def _unusable(path: Path, error: sqlite3.Error) -> ConfigError:
    cause, remedy = _meaning(error)
    return ConfigError(f"the registry {path} cannot be used: {cause}", remedy=remedy)
