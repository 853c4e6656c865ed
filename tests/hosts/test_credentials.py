"""What lets machines in to NATS may change while they run."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from loguru import logger

from gateway.bus import connection, placing
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
