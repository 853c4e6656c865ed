"""What fails again and again is said once, and once more when it is over."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from loguru import logger

from gateway.front import discovery, running
from gateway.front.discovery import Announcer
from gateway.front.parts import Gateway
from gateway.front.places import workers
from gateway.front.registry import open_registry
from gateway.front.running import _browse, _look_after_keys
from gateway.front.switchboard import Switchboard
from gateway.front.telemetry import Telemetry
from gateway.settings import Settings
from tests.support import lan
from tests.support.gateway import BOTS, ROOT
from tests.support.waiting import until

needs_root = pytest.mark.skipif(not lan.possible(), reason="network namespaces need root and iproute2")


@pytest.fixture
def lines() -> Iterator[list[str]]:
    told: list[str] = []
    handler = logger.add(lambda line: told.append(line.strip()), format="{level} {message}")
    yield told
    logger.remove(handler)


@contextlib.asynccontextmanager
async def at_work(*chores: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Chores of the gateway's, for the length of the block."""
    tasks = [asyncio.create_task(chore) for chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Tries:
    """Addresses to announce on, which counts how often it was asked for them."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.count = 0

    def __call__(self) -> list[str]:
        self.count += 1
        return list(self.addresses)

    async def more(self) -> None:
        before = self.count
        await until(lambda: self.count > before + 20, "it is tried again")


def announcer(tries: Tries) -> Announcer:
    return Announcer(
        name="x", instance_id="00000001", port=1, addresses=tries, load=lambda: 0.0, pin="0" * 64
    )


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "REFRESH_SECONDS", 0.01)
    monkeypatch.setattr(running, "REVOCATION_SECONDS", 0.01)


def gateway_of(settings: Settings) -> Gateway:
    parts = mock.create_autospec(Switchboard, instance=True, devices_live=mock.Mock(return_value=set()))
    return Gateway(
        settings,
        mock.Mock(),
        Telemetry(),
        mock.Mock(),
        parts,
        mock.Mock(),
        mock.Mock(),
        "1",
        mock.Mock(),
        mock.Mock(),
        mock.Mock(),
        mock.Mock(),
        None,
        mock.Mock(),
        None,
    )


@needs_root
async def test_a_port_that_another_holds(lines: list[str]) -> None:
    with lan.machine() as machine:
        tries = Tries(machine.here(1), machine.here(1, v6=True))
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as holder:
            holder.bind(("::", 5353))
            async with at_work(announcer(tries).run(), _browse(gateway_of(Settings()), tries)):
                await tries.more()
                assert sorted(lines) == [
                    f"WARNING {what} by mDNS: another program holds UDP port 5353 for itself; trying again"
                    for what in ("devices cannot be heard of", "the gateway cannot be announced")
                ]
                holder.close()
                await until(lambda: len(lines) == 5, "it is over")
    assert sum(": over, after" in line for line in lines) == 2
    assert sum(line.startswith("INFO announced as") for line in lines) == 1


async def test_an_ipv6_address_that_has_gone_meanwhile_ends_nothing(lines: list[str]) -> None:
    tries = Tries("fd99:9::9")
    async with at_work(announcer(tries).run(), _browse(gateway_of(Settings()), tries)):
        await tries.more()
        assert len(lines) == 2
        tries.addresses = []
        await tries.more()
    assert [line for line in lines if "on no network" in line] == lines[2:]


async def test_a_machine_without_a_network(lines: list[str]) -> None:
    tries = Tries()
    async with at_work(announcer(tries).run()):
        await tries.more()
    [line] = lines
    assert "this machine is on no network" in line


async def test_a_registry_that_cannot_be_read(lines: list[str], tmp_path: Path) -> None:
    async with open_registry(tmp_path) as registry:
        board = Switchboard(Settings(), registry, mock.Mock(), Telemetry())
        asked = 0

        async def all_devices() -> list[object]:
            nonlocal asked
            asked += 1
            return list(await real())

        real = registry.all
        with mock.patch.object(registry, "all", all_devices):
            await registry.store._db.execute("ALTER TABLE devices RENAME TO away")
            async with at_work(_look_after_keys(board)):
                await until(lambda: asked > 20, "it is tried again")
                [line] = lines
                assert line.startswith("ERROR calls of revoked devices could not be ended: ")
                assert "no such table: devices" in line
                await registry.store._db.execute("ALTER TABLE away RENAME TO devices")
                await until(lambda: len(lines) == 2, "it is over")
    assert ": over, after" in lines[1]


async def test_a_worker_that_does_not_start(
    lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(workers, "RESTART_SECONDS", (0.0,))
    bot = tmp_path / "sometimes.py"
    bot.write_text("from gateway.bots.echo import bot\n")
    pool = workers.Workers(Settings(bot=str(bot)), lambda *_: None)
    await pool.start()
    try:
        broken = (BOTS / "does_not_import.py").read_text()
        bot.write_text(f"open({str(tmp_path / 'tries')!r}, 'a').write('x')\n{broken}")
        await pool._processes[0].kill()
        await until(lambda: _size(tmp_path / "tries") > 2, "it is tried again", 90)
        bot.write_text("from gateway.bots.echo import bot\n")
        await until(lambda: any("is back" in line for line in lines), "it is back", 90)
    finally:
        await pool.stop()
    errors = [line for line in lines if line.startswith("ERROR")]
    assert len(errors) == 2
    assert "its 0 calls are lost" in errors[0]
    assert errors[1].startswith("ERROR worker 0 does not start: ")
    assert any("worker 0 does not start: over, after" in line for line in lines)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
