from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.front import registry_file
from gateway.front.registry import open_registry
from gateway.front.registry_file import StorageError
from tests.support.machine import NOBODY, SMALL, open_to_all, possible

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_file, "_WAIT_SECONDS", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "devices.db"


@contextlib.contextmanager
def held(path: Path, how: str = "IMMEDIATE") -> Iterator[None]:
    """Another program has the file open, and is in the middle of something."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"BEGIN {how}")
        yield


async def made(path: Path) -> str:
    """A registry with one device; gives its key."""
    async with open_registry(path.parent) as registry:
        return (await registry.add("kitchen"))[1]


async def refused(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        async with open_registry(path.parent):
            pass
    assert str(path) in caught.value.message
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"\0" * 5_000, b"SQLite format 3\0" + b"x" * 999]
)
async def test_what_is_no_database_is_said_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "no database" in (await refused(path)).message
    assert path.read_bytes() == content


async def test_a_directory_in_its_place_is_said(path: Path) -> None:
    path.mkdir()
    assert "it cannot be opened" in (await refused(path)).message


def test_one_that_cannot_be_opened_leaves_no_thread_that_speaks_to_a_loop_that_is_gone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.mkdir()
    said: list[object] = []
    monkeypatch.setattr(threading, "excepthook", said.append)
    before = set(threading.enumerate())
    for _ in range(20):
        asyncio.run(refused(path))
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert said == []


async def test_a_later_gateways_registry_is_not_touched(path: Path) -> None:
    await made(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    assert "is a later gateway's" in (await refused(path)).message


async def test_another_programs_database_is_not_touched(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE devices (id TEXT)")
    assert "is another program's database" in (await refused(path)).message
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (0,)


async def test_the_first_gateways_registry_is_taken_over(path: Path) -> None:
    key = await made(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 0")
    async with open_registry(path.parent) as registry:
        assert (await registry.authenticate(key)).name == "kitchen"
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (registry_file.VERSION,)


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
async def test_one_that_is_locked_is_said(path: Path, how: str) -> None:
    await made(path)
    with held(path, how):
        assert "another program holds it locked" in (await refused(path)).message


async def test_what_could_not_be_stored_does_not_stand_as_done(path: Path) -> None:
    key = await made(path)
    async with open_registry(path.parent) as registry:
        with held(path):
            for undone, asked in (
                ("kitchen is not revoked", registry.revoke("kitchen")),
                ("attic is not enrolled", registry.add("attic")),
            ):
                with pytest.raises(StorageError, match=f"{undone}: .*locked") as caught:
                    await asked
                assert caught.value.remedy
            await registry.seen("kitchen", "10.0.0.2")
            assert (await registry.authenticate(key)).address is None
        assert [device.name for device in await registry.all()] == ["kitchen"]
        await registry.revoke("kitchen")
        assert (await registry.all())[0].revoked_at is not None


@pytest.mark.skipif(not possible(), reason="only root can make mounts")
def test_a_disk_that_is_full_by_now_is_said() -> None:
    done = as_process(
        SMALL,
        "with open('/mnt/full', 'wb') as file:\n"
        "    for _ in range(300): file.write(bytes(1024)); file.flush()",
    )
    assert done == "kitchen is not revoked: the registry: the disk is full | make room there | not revoked\n"


@pytest.mark.skipif(not possible(), reason="only root can become another")
def test_one_that_may_only_be_read_is_said() -> None:
    with open_to_all() as folder:
        asyncio.run(made(folder / "devices.db"))
        (folder / "devices.db").chmod(0o444)
        script = _OPEN.format(folder=folder)
        done = subprocess.run(
            [*NOBODY, sys.executable, "-c", script],
            env=_ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert "cannot be used: it cannot be written to" in done.stdout, done.stderr


_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
_OPEN = """
import asyncio
from pathlib import Path
from gateway.front.registry import open_registry, StorageError
from gateway.errors import ConfigError

async def main():
    try:
        async with open_registry(Path("{folder}")):
            pass
    except ConfigError as error:
        print(error.message, "|", error.remedy)

asyncio.run(main())
"""
_REVOKE = """
import asyncio
from pathlib import Path
from gateway.front.registry import open_registry, StorageError

async def main():
    async with open_registry(Path("/mnt/data")) as registry:
        _, key = await registry.add("kitchen")
{then}
        try:
            await registry.revoke("kitchen")
        except StorageError as error:
            state = "revoked" if (await registry.all())[0].revoked_at else "not revoked"
            print(error.message, "|", error.remedy, "|", state)

asyncio.run(main())
"""


def as_process(prefix: list[str], then: str) -> str:
    indented = "\n".join(
        f"        {line}" for line in f"try:\n{indent(then)}\nexcept OSError: pass".splitlines()
    )
    done = subprocess.run(
        [*prefix, sys.executable, "-c", _REVOKE.format(then=indented)],
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


def indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
