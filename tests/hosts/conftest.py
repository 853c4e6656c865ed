"""A fleet that a file shares: two fronts, two hosts, and a real NATS, each on a machine of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support import machines
from tests.support.gateway import GatewayProcess
from tests.support.machines import Bridge, HostProcess, Nats, enrol, fronting, hosting
from tests.support.waiting import eventually


@dataclass
class Fleet:
    """What runs."""

    bridge: Bridge
    directory: Path
    nats: Nats
    fronts: list[GatewayProcess]
    hosts: list[HostProcess]
    operator: str

    async def sessions(self, front: int = 0) -> list[dict[str, Any]]:
        """As a front knows them."""
        found: list[dict[str, Any]] = (await machines.state(self.fronts[front], self.operator))["sessions"]
        return found

    async def idle(self) -> None:
        """Wait until no front knows of any."""

        async def none() -> bool:
            return not any([await self.sessions(n) for n in range(len(self.fronts))])

        await eventually(none, "no session is left")

    def host_of(self, session: dict[str, Any]) -> HostProcess:
        """Where a session is."""
        return next(host for host in self.hosts if host.name == session["host"])


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    with machines.bridge() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(bridge: Bridge, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    directory = tmp_path_factory.mktemp("fleet")
    nats = Nats(bridge.machine(), directory / "nats")
    nats.start()
    await nats.ready()
    async with AsyncExitStack() as stack:
        stack.callback(nats.stop)
        where = [bridge.machine() for _ in range(4)]
        hosts = await asyncio.gather(
            *(
                stack.enter_async_context(hosting(m, directory / f"host{n}", nats.url))
                for n, m in enumerate(where[:2])
            )
        )
        fronts = [
            await stack.enter_async_context(fronting(m, directory / f"front{n}", nats.url))
            for n, m in enumerate(where[2:])
        ]
        operator = await enrol(fronts[0], "operator", role="operator")
        for front in fronts:
            await machines.hosts_there(front, 2)
        yield Fleet(bridge, directory, nats, fronts, list(hosts), operator)
