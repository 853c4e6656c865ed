"""Hosts and fronts: ours but for their CPUs, which are queues."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any, Final, cast

from bench.simulated.network import Member, Network
from gateway.bus.connection import Bus
from gateway.bus.subjects import HostId
from gateway.front.places.hosts import Hosts
from gateway.front.places.place import Emit
from gateway.front.places.seals import Seals
from gateway.hosting.desk import Desk
from gateway.hosting.measure import PERIOD_SECONDS
from gateway.settings import Settings
from gateway.wire.calls import Answer, Asked, EndCall, OfferCall, SessionEvent

BEGIN_SECONDS: Final = 0.060
"""CPU that beginning a call takes a host (bench/scale.py)."""
FRONT_SECONDS: Final = 0.012
"""CPU that a device's two requests, with TLS, take a front, which has one core."""
CALL_SHARE: Final = 0.03
"""Of a core, that a call takes from then on (docs/performance.md)."""


class Cpu:
    """Cores that work is done on in turn."""

    def __init__(self, cores: int) -> None:
        self._free_at = [0.0] * cores
        self.deepest = 0.0

    async def work(self, seconds: float) -> None:
        """Wait for a core, and use it."""
        now = asyncio.get_running_loop().time()
        core = min(range(len(self._free_at)), key=self._free_at.__getitem__)
        self._free_at[core] = max(now, self._free_at[core]) + seconds
        self.deepest = max(self.deepest, self._free_at[core] - now)
        await asyncio.sleep(self._free_at[core] - now)

    def busy(self) -> float:
        """The share of the cores with work for the next half second."""
        now = asyncio.get_running_loop().time()
        left = (min(PERIOD_SECONDS, max(0.0, at - now)) for at in self._free_at)
        return sum(left) / (PERIOD_SECONDS * len(self._free_at))


class Media:
    """The calls of one host, as `Places`."""

    def __init__(self, cores: int, emit: Emit) -> None:
        self.cpu = Cpu(cores)
        self.cores = cores
        self._emit = emit
        self.calls: set[str] = set()
        self._numbers = itertools.count()

    @property
    def count(self) -> int:
        return len(self.calls)

    @property
    def load(self) -> float:
        return 0.0

    def __contains__(self, session_id: str) -> bool:
        return session_id in self.calls

    async def offer(self, call: OfferCall) -> Answer:
        self.calls.add(call.session_id)
        await self.cpu.work(BEGIN_SECONDS)
        for state in ("connecting", "live"):
            data = {"id": call.session_id, "state": state, "device": call.device}
            self._emit(0, SessionEvent(kind="session", session_id=call.session_id, data=data))
        return Answer(sdp="", type="answer", pc_id=f"{call.session_id}-{next(self._numbers)}")

    async def end(self, call: EndCall) -> None:
        self.calls.discard(call.session_id)
        self._emit(0, SessionEvent(kind="ended", session_id=call.session_id, data={"reason": call.reason}))

    async def ask(self, call: Asked) -> None:
        """What is kept for its next start, which there is none of here."""


class Measured:
    """As `hosting.measure`, of what is simulated."""

    def __init__(self, media: Media) -> None:
        self._media = media
        self.lag_ms = 0.0

    @property
    def cpu(self) -> float:
        return min(1.0, self._media.cpu.busy() + self._media.count * CALL_SHARE / self._media.cores)

    async def rest(self) -> None:
        await asyncio.sleep(PERIOD_SECONDS)


class Host:
    """One, of so many cores."""

    def __init__(self, network: Network, number: int, settings: Settings, cores: int) -> None:
        self.member = Member(network)
        self.who = HostId(f"h{number}", "0")
        bus = cast("Bus", self.member)
        self.media = Media(cores, self._emit)
        self.desk = Desk(settings, bus, self.who, cast("Any", Measured(self.media)))

    def _emit(self, number: int, event: SessionEvent) -> None:
        self.desk.emit(number, event)

    async def start(self) -> None:
        await self.desk.start(cast("Any", self.media), [])


class Front:
    """One, of one core."""

    def __init__(self, network: Network, settings: Settings) -> None:
        self.member = Member(network)
        self.cpu = Cpu(1)
        self.asked = 0
        bus = cast("Bus", self.member)
        self.hosts = Hosts(
            settings, bus, lambda *_: None, lambda _: None, self.member.order, Seals(lambda _: "seal")
        )

    async def offer(self, call: OfferCall) -> Answer:
        self.asked += 1
        await self.cpu.work(FRONT_SECONDS)
        return await self.hosts.offer(call)
