"""Fronts and hosts over a real NATS, in the test's own process, without HTTP and media processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.bus.connection import Bus, connected
from gateway.bus.subjects import HostId
from gateway.front.access import Caller
from gateway.front.places.hosts import Hosts
from gateway.front.places.seals import Seals
from gateway.front.places.workers import Workers
from gateway.front.promises import Promises
from gateway.front.registry import Role, open_registry
from gateway.front.shared.joined import Joined, joined
from gateway.front.shared.others import Others
from gateway.front.switchboard import Offered, Switchboard
from gateway.front.telemetry import Telemetry
from gateway.hosting.desk import Desk
from gateway.hosting.measure import PERIOD_SECONDS, Measure
from gateway.sections import Limits, Nats
from gateway.settings import Settings
from gateway.wire.calls import Answer, KeptCall, SessionEvent
from tests.support.nats import Server, served
from tests.support.offers import captured
from tests.support.waiting import until

PATIENT: dict[str, Any] = {"offer_timeout_s": 60.0}
"""The first call of a process imports much."""


@dataclass
class Front:
    """One, without HTTP."""

    shared: Joined
    hosts: Hosts
    switchboard: Switchboard
    telemetry: Telemetry
    promises: Promises
    events: list[SessionEvent] = field(default_factory=list)

    async def offer(self, device: str, *, key_id: str = "k", **more: Any) -> Answer:
        caller = Caller("127.0.0.1", device, Role.DEVICE, key_id)
        offered = Offered(
            captured("libpeer"), "offer", more.pop("pc_id", None), more.pop("restart", False), None
        )
        return await self.switchboard.offer(offered, caller, arrived_on="127.0.0.1", **more)

    def devices(self) -> list[str]:
        return sorted(str(s["device"]) for s in self.telemetry.sessions.values())


@dataclass
class Host:
    """One, whose calls are in this process."""

    desk: Desk
    workers: Workers
    bus: Bus
    who: HostId


@dataclass
class Fleet:
    """All of them."""

    server: Server
    stack: AsyncExitStack
    directory: Path
    members: Path | None = None
    """What `voicegw nats` wrote, where NATS trusts nobody else."""

    def at(self, member: str) -> Nats:
        """Where NATS is, for this member."""
        if self.members is None:
            return Nats(urls=(self.server.url,))
        own = self.members / member
        return Nats(
            urls=(self.server.url.replace("nats:", "tls:"),),
            user=member,
            password_file=own / f"{member}.password",
            ca=own / "nats-ca.pem",
        )

    async def front(self, name: str) -> Front:
        at = self.at(f"front-{name}")
        settings = Settings(name=name, nats=at, data_dir=self.directory / name, limits=Limits(**PATIENT))
        registry = await self.stack.enter_async_context(open_registry(settings.data_dir))
        shared = await self.stack.enter_async_context(joined(settings, at, registry))
        telemetry = Telemetry()

        def take(number: int, event: SessionEvent) -> None:
            switchboard.take(event)
            promises.take(event)
            if event.kind not in {"said", "ask"}:
                telemetry.take(number, event)
            made.events.append(event)

        def adopt(call: KeptCall) -> None:
            switchboard.adopt(call)

        hosts = Hosts(settings, shared.bus, take, adopt, shared.clock.order, Seals(shared.challenges.mark))
        switchboard = Switchboard(settings, shared.registry, hosts, telemetry, shared.reserved)
        promises = Promises(shared.book, switchboard, telemetry.publish)
        self.stack.push_async_callback(switchboard.close)
        made = Front(shared, hosts, switchboard, telemetry, promises)
        shared.book.changed = promises.changed
        telemetry.tell = shared.telling.tell
        others = asyncio.create_task(Others(shared, telemetry.show, lambda: None).run())
        self.stack.callback(others.cancel)
        await hosts.start()
        self.stack.push_async_callback(hosts.stop)
        await shared.registry.is_whole.wait()
        await shared.clock._shelf.is_whole.wait()
        await until(lambda: shared.challenges.mark("") is not None, "it has the fronts' secret")
        return made

    async def host(self, name: str, *, most: int = 32) -> Host:
        at = self.at(f"host-{name}")
        settings = Settings(
            name=name,
            nats=at,
            in_process=True,
            bot="echo",
            limits=Limits(sessions=most, connect_timeout_s=600, **PATIENT),  # nobody connects
            data_dir=self.directory / name,
        )
        who = HostId(name, "1")
        bus = await self.stack.enter_async_context(connected(at, f"host-{name}"))
        desk = Desk(settings, bus, who, Still())
        workers = Workers(settings, desk.emit)
        await workers.start()
        await desk.start(workers, [])
        self.stack.push_async_callback(desk.close)
        self.stack.push_async_callback(workers.stop)
        return Host(desk, workers, bus, who)


class Still(Measure):
    """A machine that does nothing else, whatever the one of the tests does."""

    async def rest(self) -> None:
        await asyncio.sleep(PERIOD_SECONDS)


async def knows(front: Front, hosts: int) -> None:
    await until(lambda: sum(h["ready"] for h in front.hosts.state()) == hosts, f"{hosts} hosts are known")


@asynccontextmanager
async def guarded(members: Path, directory: Path) -> AsyncIterator[Fleet]:
    """One whose NATS lets in those alone for whom `voicegw nats` has written this folder."""
    async with (
        served(members / "nats", "-c", "nats-server.conf") as server,
        AsyncExitStack() as stack,
    ):
        yield Fleet(server, stack, directory, members)
