"""The processes that calls live in: hand an offer to the least loaded, notice a dead one, replace it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from loguru import logger

from gateway.errors import Busy, GatewayError, NotFound
from gateway.front.places import cores, left, memory
from gateway.front.places.headroom import Beat, Headroom, check_memory
from gateway.front.places.place import Emit, Place
from gateway.front.places.process import Process
from gateway.recurring import Recurring
from gateway.settings import Settings
from gateway.wire.calls import (
    Answer,
    Asked,
    EndCall,
    KeptCall,
    LineMessage,
    OfferCall,
    PhoneCall,
    RenegotiateCall,
    SessionEvent,
)

if TYPE_CHECKING:
    from gateway.media.host import Host

CHECK_SECONDS = 0.25
LOOK_SECONDS = 0.5
"""Between two looks at what all processes take: as often as a media process tells of itself."""
RESTART_SECONDS = (0.0, 1.0, 5.0, 15.0)
"""Before a worker is started again, by how many of its starts failed in a row."""


class Workers:
    """All places that calls live in, as one.

    Args:
        settings: the gateway's; `in_process` keeps the calls in this one.
        emit: is given every event with the number of its worker.
    """

    def __init__(self, settings: Settings, emit: Emit) -> None:
        self._settings = settings
        self._emit_on = emit
        self._local: Host | None = None
        self._processes: dict[int, Process] = {}
        self._place: dict[str, Place] = {}
        self._left: list[Process] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._all = Headroom(cores.allowed())

    @property
    def count(self) -> int:
        """Sessions that are there or being made."""
        return len(self._place)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._place

    def state(self) -> list[dict[str, Any]]:
        """Of each worker: its number, readiness, number of sessions, and how full it is (1 is full)."""
        return [
            {"worker": p.number, "ready": p.ready, "sessions": len(p.sessions), "load": round(p.load, 2)}
            for p in self._processes.values()
        ]

    @property
    def load(self) -> float:
        """How full all of them are: 1 is full, by number or by what the calls take."""
        taken = min((p.load for p in self._processes.values() if p.ready), default=0.0)
        taken = max(taken, self._all.load(self.count, time.monotonic()))
        return max(self.count / self._settings.limits.sessions, min(taken, 1.0))

    async def start(self) -> None:
        """Start all workers and wait for them.

        Raises:
            ConfigError: a setting cannot work. Busy: a worker did not start.
        """
        if self._settings.in_process:
            from gateway.media.here import BotsHere  # noqa: PLC0415 -- aiortc's and Pipecat's,
            from gateway.media.host import Host  # noqa: PLC0415 -- which this process can do without

            bots = BotsHere(self._settings)
            await bots.start()
            self._local = Host(self._settings, lambda event: self._emit(0, event), bots)
            await self._local.look()
            return
        numbers = range(self._settings.media)
        self._processes = {n: Process(n, self._settings, self._emit) for n in numbers}
        try:
            await asyncio.gather(*(p.start() for p in self._processes.values()))
        except BaseException:
            await asyncio.gather(*(p.kill() for p in self._processes.values()))
            raise
        self._keepers = [asyncio.create_task(self._keep(n), name=f"keeper-{n}") for n in numbers]
        self._keepers.append(asyncio.create_task(self._look(), name="cores"))

    async def adopt(self) -> list[KeptCall]:
        """Take over the calls that an earlier front has left; they end in the processes that they are in."""
        found = await left.find(self._settings, self._emit)
        for process, calls in found:
            for call in calls:
                self._place[call.session_id] = process
                event = SessionEvent(kind="session", session_id=call.session_id, data=call.described)
                self._emit_on(process.number, event)
            self._left.append(process)
            self._keepers.append(asyncio.create_task(self._see_out(process), name="see-out"))
        return [call for _, calls in found for call in calls]

    async def _see_out(self, process: Process) -> None:
        if (fault := await left.see_out(process)) is not None:
            logger.error(
                "a worker that was taken over {}; its {} calls are lost", fault, len(process.sessions)
            )
            self._lose_sessions(process)
        self._left.remove(process)

    async def settled(self) -> None:
        """All is known here at once."""

    async def stop(self) -> None:
        """End every call and every worker."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        if self._local is not None:
            await self._local.drain("stopping")
        await asyncio.gather(*(p.stop() for p in [*self._processes.values(), *self._left]))

    async def offer(self, call: OfferCall) -> Answer:
        """Begin a call where there are fewest.

        Raises:
            Busy: the session limit is reached, one more would be at the cost of those that are there, or no worker is
                ready or answers in time.
        """
        with self._placed(call.session_id) as place:
            return await place.offer(call)

    async def phone(self, call: PhoneCall) -> None:
        """Begin a call on the phone, likewise."""
        with self._placed(call.session_id) as place:
            await place.phone(call)

    def heard(self, message: LineMessage) -> None:
        """Pass on what the provider of a call on the phone says; one that has ended hears nothing."""
        if (place := self._place.get(message.session_id)) is not None:
            place.heard(message)

    @contextmanager
    def _placed(self, session_id: str) -> Iterator[Place]:
        if self.count >= self._settings.limits.sessions:
            raise Busy(f"all {self.count} sessions are in use", remedy="raise limits.sessions, or end one")
        if session_id in self._place:
            raise Busy("this session has a call already", remedy="try again in a few seconds")
        check_memory(memory.left_mb(), self.count)
        place = self._least_loaded()
        self._all.begun(time.monotonic())
        self._place[session_id] = place
        try:
            yield place
        except BaseException:
            self._place.pop(session_id, None)
            raise

    def _least_loaded(self) -> Place:
        if self._local is not None:
            return self._local
        ready = [p for p in self._processes.values() if p.ready and p.fault() is None]
        if not ready:
            raise Busy("no worker is ready", remedy="try again in a few seconds")
        chosen = min(ready, key=lambda p: (p.load >= 1, len(p.sessions)))
        chosen.check_room()
        self._all.check_all(self.count, time.monotonic())
        return chosen

    async def _look(self) -> None:
        """Look at what all processes take; what earlier calls took says nothing of the next."""
        taken = cores.Taken()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.count:
                self._all = Headroom(cores.allowed())
                continue
            ours = [p.pid for p in (*self._processes.values(), *self._left) if p.pid is not None]
            now = time.monotonic()
            self._all.beat(Beat(now, taken.look([os.getpid(), *ours], now), 0.0, self.count))

    async def renegotiate(self, call: RenegotiateCall) -> Answer:
        return await self._find(call.session_id).renegotiate(call)

    async def ask(self, call: Asked) -> None:
        await self._find(call.session_id).ask(call)

    async def end(self, call: EndCall) -> None:
        await self._find(call.session_id).end(call)

    def _find(self, session_id: str) -> Place:
        try:
            return self._place[session_id]
        except KeyError:
            raise NotFound("that session has ended", remedy="make a new offer, without pc_id") from None

    def _emit(self, number: int, event: SessionEvent) -> None:
        if event.kind == "ended":
            self._place.pop(event.session_id, None)
        self._emit_on(number, event)

    async def _keep(self, number: int) -> None:
        """Watch one worker and replace it when it fails."""
        failures = 0
        trouble = Recurring(f"worker {number} does not start", level="ERROR")
        while True:
            process = self._processes[number]
            while (fault := process.fault()) is None:
                before = time.monotonic()
                await asyncio.sleep(CHECK_SECONDS)
                if (late := time.monotonic() - before - CHECK_SECONDS) > CHECK_SECONDS:
                    process.excuse(late)
                failures = 0
                process.end_the_greedy()
            if not failures:
                fault = await process.settled(fault)
                logger.error("worker {} {}; its {} calls are lost", number, fault, len(process.sessions))
            process.ready = False
            await process.kill()
            self._lose_sessions(process)
            await asyncio.sleep(RESTART_SECONDS[min(failures, len(RESTART_SECONDS) - 1)])
            failures += 1
            self._processes[number] = fresh = Process(number, self._settings, self._emit)
            try:
                await fresh.start(again=True)
                trouble.over()
                logger.info("worker {} is back", number)
            except (GatewayError, OSError) as error:
                trouble.met(str(error))
                await fresh.kill()

    def _lose_sessions(self, process: Process) -> None:
        for session_id in tuple(process.sessions):
            process.sessions.discard(session_id)
            lost = SessionEvent(kind="ended", session_id=session_id, data={"reason": "worker_lost"})
            self._emit(process.number, lost)
