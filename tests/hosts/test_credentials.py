"""What lets machines in to NATS may change while they run."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from loguru import logger

from gateway.bus import connection, placing
from gateway.bus.shelf import Shelf
from gateway.sections import Nats
from tests.hosts.test_trust import ADDRESS, write
from tests.support import nats
from tests.support.fleet import Fleet, guarded, knows
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not nats.possible(), reason=nats.WHY_NOT)


@pytest.fixture
async def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fleet]:
    monkeypatch.setattr(placing, "PING_SECONDS", 20.0)
    members = tmp_path / "members"
    write(members, *ADDRESS, "--front", "f1", "--host", "h1")
    async with guarded(members, tmp_path) as found:
        yield found


@pytest.mark.parametrize("member", ["host-h1", "front-f1"])
async def test_a_member_whose_password_is_another_comes_back_with_that(fleet: Fleet, member: str) -> None:
    front = await fleet.front("f1")
    host = await fleet.host("h1")
    await knows(front, 1)
    bus = host.bus if member == "host-h1" else front.shared.bus
    assert fleet.members is not None
    assert fleet.server.process is not None
    said: list[str] = []
    sink = logger.add(said.append, level="ERROR")
    config, own = fleet.members / "nats" / "nats-server.conf", fleet.members / member / f"{member}.password"
    config.write_text(config.read_text().replace(own.read_text(), "another"))
    fleet.server.process.send_signal(signal.SIGHUP)
    await until(lambda: not bus.here, "NATS has thrown it out")
    await until(lambda: any("no such user and password" in line for line in said), "why is said")
    logger.remove(sink)
    own.write_text("another")
    await until(lambda: bus.here, "it is let in again")
    await knows(front, 1)
    await front.offer("kitchen")


async def test_a_member_that_leaves_while_nats_hangs_leaves_in_order(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PING_SECONDS", 0.2)
    assert fleet.server.process is not None
    async with connection.connected(fleet.at("host-h1"), "host-h1") as bus:
        fleet.server.process.send_signal(signal.SIGSTOP)
        await until(lambda: not bus.here, "it is missed")
    fleet.server.process.send_signal(signal.SIGCONT)


@pytest.fixture
def errors() -> Iterator[list[str]]:
    said: list[str] = []
    sink = logger.add(said.append, level="ERROR", format="{message}")
    yield said
    logger.remove(sink)


@pytest.mark.parametrize("own", [{}, {"ca": None}])
async def test_who_asks_for_tls_tells_nothing_in_clear_text(
    fleet: Fleet, errors: list[str], own: dict[str, None]
) -> None:
    """Whoever is in between says that there is none."""
    heard: list[bytes] = []
    info = json.dumps({"server_id": "x", "version": "2.9.10", "max_payload": 1 << 20, "auth_required": True})

    async def pose(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"INFO {info}\r\n".encode())
        heard.append(await reader.read(4_096))
        writer.close()

    async with await asyncio.start_server(pose, "127.0.0.1", 0) as server:
        url = f"{'nats' if not own else 'tls'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = fleet.at("host-h1").model_copy(update={"urls": (url,), **own})
        async with connection.connected(settings, "host-h1") as bus:
            await until(lambda: bool(heard), "it has been there")
            assert not bus.here
    assert set(heard) == {b""}
    assert "it speaks no TLS" in errors[0]


async def test_a_nats_that_keeps_nothing_is_told_of(tmp_path: Path, errors: list[str]) -> None:
    async with (
        nats.served(tmp_path, "-m", "0") as server,
        connection.connected(Nats(urls=(server.url,)), "front-a") as bus,
    ):
        bucket = Shelf(bus, "kept")
        bucket.begin()
        await until(lambda: any("start it with JetStream" in line for line in errors), "it is told")
        await bucket.close()
