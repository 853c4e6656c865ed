"""Calls that live on other machines: placed over the bus, found by their session's id, known to every front alike."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from loguru import logger

from gateway.bus import crossing, placing, subjects
from gateway.bus.connection import Bus, Hears, Message, NobodyThere
from gateway.bus.subjects import HostId
from gateway.errors import Busy, GatewayError, NoRoute, NotFound
from gateway.front.places.ledger import Ledger
from gateway.front.places.place import Emit, Lost
from gateway.front.places.seals import Seals
from gateway.rate import Buckets
from gateway.recurring import Recurring
from gateway.settings import Settings
from gateway.wire import events
from gateway.wire.calls import (
    Answer,
    Asked,
    EndCall,
    KeptCall,
    LineMessage,
    OfferCall,
    Order,
    PhoneCall,
    RenegotiateCall,
    SessionEvent,
    Unreadable,
)
from gateway.wire.headroom import TIERS, Headroom
from gateway.wire.hosts import AllHeld, AskHeld, Held, HostState

SILENT_SECONDS: Final = 1.5
"""Without a state, of which there are two a second: nothing is asked of it that a client waits for."""
LOST_SECONDS: Final = 5.0
"""Likewise; its calls are struck off the books. If they go on, it tells when it is back."""
LOOK_SECONDS: Final = 0.25
HELD_SECONDS: Final = 5.0
MOST_HELD: Final = 10_000
"""Calls that a host is asked for at most."""
MOST_OF_A_NAME: Final = 1_024
"""Hosts of one name, and calls of them that no front has sealed: whoever has the name may tell of any number."""
MAX_OWNER: Final = 4_096
"""Bytes of whose such a call is."""
TOLD_BURST, TOLD_PER_SECOND = 4_000, 2_000
"""Of what the hosts of one name tell of their calls, or of themselves, or ask; a host of 300 calls tells of 1,000."""
_LOST: Final = "worker_lost"
_UNKNOWN: Final = HostState(version="", headroom=Headroom(calls=1, most=1))
"""Of a host that has told of a call before it has told of itself."""


@dataclass(slots=True)
class _Host:
    """One, as far as it is known."""

    state: HostState
    heard_at: float
    calls: set[str] = field(default_factory=set)
    known: bool = False
    """Whether it has told of all its calls."""


class Hosts:
    """All hosts as one place.

    Args:
        settings: the front's.
        bus: where the hosts are.
        emit: is given every event of every call.
        adopt: is given every call, when it begins and when it is heard of.
        order: which one a call is of all that fronts have taken.
        seals: of calls, that hosts bring back.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- what it connects
        self,
        settings: Settings,
        bus: Bus,
        emit: Emit,
        adopt: Callable[[KeptCall], None],
        order: Callable[[], Awaitable[Order]],
        seals: Seals,
    ) -> None:
        self._settings, self._bus, self._emit, self._adopt = settings, bus, emit, adopt
        self._order, self._seals = order, seals
        self._hosts: dict[HostId, _Host] = {}
        self._at: dict[str, HostId] = {}
        self._ledger = Ledger()
        self._unsealed = Recurring("a host tells of a call that no front gave it", and_now="it is left out")
        self._told = Buckets(TOLD_BURST, TOLD_PER_SECOND)
        self._floods = Recurring(
            "a host tells too much",
            level="ERROR",
            and_now="of more nothing is read; is its machine yours still?",
        )
        self._placing = placing.Placing(bus)
        self._ends: list[Callable[[], Any]] = []
        self._asking: dict[HostId, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._since = 0.0
        """From when on silence counts: NATS is there."""

    @property
    def count(self) -> int:
        """Calls that are known of."""
        return len(self._at)

    @property
    def load(self) -> float:
        """Of all hosts together."""
        shares = [host.state.headroom.share for host in self._hosts.values()]
        return 1 - sum(shares) / len(shares) if shares else 1.0

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._at

    def state(self) -> list[dict[str, Any]]:
        """Of each host: its name, version, and what it says of its headroom."""
        return [
            {
                "worker": str(who),
                "host": who.name,
                "version": host.state.version,
                "ready": not self._is_silent(host),
                "sessions": len(host.calls),
                "load": round(1 - host.state.headroom.share, 3),
                "headroom": round(host.state.headroom.share, 3),
                "cpu": round(host.state.headroom.cpu, 3),
                "lag_ms": round(host.state.headroom.lag_ms, 1),
                "draining": host.state.headroom.draining,
            }
            for who, host in sorted(self._hosts.items())
        ]

    async def start(self) -> None:
        """Hear of hosts and their calls from now on."""
        self._keeper = asyncio.create_task(self._keep(), name="hosts")

    async def adopt(self) -> list[KeptCall]:
        """None are known before their hosts tell."""
        return []

    async def stop(self) -> None:
        """Hear no more. Calls go on, for other fronts, or for the next start of this one."""
        tasks = [*self._tasks, *([self._keeper] if self._keeper is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in self._ends:
            await end()

    async def settled(self) -> None:
        """Hear of every call whose client has been answered: its host tells before it answers."""
        with contextlib.suppress(GatewayError):
            await self._bus.settled()

    # -- what is asked of them

    async def offer(self, call: OfferCall) -> Answer:
        """Have a host with room take it; raises as `Placing.place` does."""
        if not self._seals.ready:
            raise Busy("this front has not met the others yet", remedy="try again in a few seconds")
        answer = await self._placing.place(
            call.model_copy(update={"seal": self._seals.of_call(call)}),
            self._settings.limits.offer_timeout_s,
            first=self._emptiest(),
            order=self._ordered(call),
            seal=lambda host, order: self._seals.of_place(call.session_id, host, order),
        )
        if (
            call.session_id not in self._at
        ):  # its host has told of the call, and maybe of its end, before it answered
            await self._bus.caught_up()
        return answer

    async def _ordered(self, call: OfferCall) -> Order | None:
        """Which one it is; a browser may have several, and none of them is the later one."""
        return None if call.device is None else await self._order()

    def _emptiest(self) -> int:
        """The tier to ask first: who has emptied meanwhile hears it as well."""
        tiers = [h.state.headroom.tier for h in self._hosts.values() if not self._is_silent(h)]
        return max((tier for tier in tiers if tier is not None), default=TIERS[0])

    async def phone(self, call: PhoneCall) -> None:
        """Its sound comes by a WebSocket of this front's: no host is where that is."""
        del call
        raise Busy("hosts carry no calls on the phone", remedy="give those a gateway without NATS")

    def heard(self, message: LineMessage) -> None:
        """There are none."""

    async def renegotiate(self, call: RenegotiateCall) -> Answer:
        """Raises Lost where its host is gone, sleeps, or has neither it nor a way to its client: a new one does."""
        await self._must_answer(self._find(call.session_id), remedy="make an offer without pc_id")
        try:
            return Answer.told(await self._request("renegotiate", call))
        except (NotFound, NoRoute) as error:
            raise Lost(error.message, remedy="make an offer without pc_id") from None

    async def ask(self, call: Asked) -> None:
        await self._request(call.NAME, call)

    async def end(self, call: EndCall) -> None:
        """Where its host sleeps, nobody waits for that: it is told when it is back."""
        remedy = "it is asked again when it is back"
        if self._is_silent(self._hosts[who := self._find(call.session_id)]):
            raise Lost(f"host {who.name} does not answer", remedy=remedy)
        await self._must_answer(who, remedy=remedy)
        await self._request("end", call)

    async def _must_answer(self, who: HostId, *, remedy: str) -> None:
        """Raises Lost where a host is gone, or sleeps, before a client waits for what it is to do."""
        try:
            await self._bus.ask(subjects.asked(str(who), "ping"), crossing.pack({}), placing.PING_SECONDS)
        except NobodyThere:
            self._lose(who, "is gone")
            raise Lost(f"host {who.name} is gone", remedy=remedy) from None
        except Busy:
            raise Lost(f"host {who.name} does not answer", remedy=remedy) from None

    async def _request(self, name: str, call: Any) -> dict[str, Any]:
        who = self._find(call.session_id)
        seconds = self._settings.limits.offer_timeout_s
        try:
            data = await self._bus.ask(subjects.asked(str(who), name), crossing.pack(call), seconds)
        except NobodyThere:
            self._lose(who, "is gone")
            raise Lost("that session's host is gone", remedy="make a new offer, without pc_id") from None
        return crossing.answered(data)

    def _find(self, session_id: str) -> HostId:
        if (found := self._at.get(session_id)) is None:
            raise Lost("that session has ended", remedy="make a new offer, without pc_id")
        return found

    # -- what they tell

    async def _keep(self) -> None:
        """Hear, and strike off the books what is silent for too long."""
        self._ends.append(await self._placing.start())
        for subject, hears, group in (
            (subjects.STATES, self._take_state, ""),
            (subjects.EVENTS, self._take_event, ""),
            (subjects.ASKS, self._take_event, subjects.FRONTS),
        ):
            self._ends.append(await self._bus.hear(subject, partial(self._within_bounds, hears), group))
        self._back()
        self._bus.when_back(self._back)
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            if loop.time() > due + LOOK_SECONDS:
                self._since = loop.time()  # it was this front that slept
            for who, host in tuple(self._hosts.items()):
                if self._silent_for(host) > LOST_SECONDS:
                    self._lose(who, f"has said nothing for {LOST_SECONDS:g} s")

    def _back(self) -> None:
        """NATS is there: what was told meanwhile is lost, so everything is asked for again."""
        self._since = asyncio.get_running_loop().time()
        for host in self._hosts.values():
            host.known = False

    def _silent_for(self, host: _Host) -> float:
        if not self._bus.here:
            return 0.0
        return asyncio.get_running_loop().time() - max(host.heard_at, self._since)

    def _is_silent(self, host: _Host) -> bool:
        return self._silent_for(host) > SILENT_SECONDS

    def _within_bounds(self, hears: Hears, message: Message) -> None:
        """Read what a host tells, unless it tells more than any would: else it had all of this front's time."""
        about = message.subject.rpartition(".")[0]
        if not self._told.take(about):
            hears(message)
            return
        who = subjects.sender(message.subject)
        self._floods.met(f"{who.name} has told it more than {TOLD_PER_SECOND:,} times a second")
        if (host := self._hosts.get(who)) is not None:
            host.known = False  # what was left out may have been of a call's end

    def _take_state(self, message: Message) -> None:
        who, state = subjects.sender(message.subject), crossing.read(message.data, HostState)
        if state.ended:
            self._lose(who, "has left")
            return
        host = self._met(who, state)
        if not host.known and who not in self._asking and self._seals.ready:
            self._asking[who] = self._start(self._ask_for_all(who), f"held-{who}")
            self._asking[who].add_done_callback(lambda _: self._asking.pop(who, None))

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _met(self, who: HostId, state: HostState) -> _Host:
        now = asyncio.get_running_loop().time()
        if (host := self._hosts.get(who)) is not None:
            if self._is_silent(host):
                host.known = False  # it has slept, say: its clients may be elsewhere by now
            host.state, host.heard_at = state, now
            return host
        namesakes = [h for other, h in self._hosts.items() if other.name == who.name]
        if len(namesakes) >= MOST_OF_A_NAME:
            raise Unreadable(f"more than {MOST_OF_A_NAME} hosts are called {who.name}")
        if not all(map(self._is_silent, namesakes)):
            logger.warning("two hosts are called {}: give one another name", who.name)
        logger.info("host {} is there, with room for {} calls", who, state.headroom.most)
        self._hosts[who] = made = _Host(state, now)
        return made

    async def _ask_for_all(self, who: HostId) -> None:
        before = set(self._hosts[who].calls)  # what begins while it answers is told of beside the answer
        try:
            held = await self._all_held(who)
        except GatewayError as error:
            logger.info("host {} does not tell of its calls yet: {}", who, error.message)
            return
        if (host := self._hosts.get(who)) is None:
            return
        host.known = True
        for gone in before & host.calls - {call.session_id for call in held}:
            self._end(gone, _LOST)
        for call in held:
            if self._ledger.has_ended(call.session_id):
                continue  # it has ended while this was on its way
            try:
                self._hold(who, call)
            except GatewayError as error:
                self._unsealed.met(error.message)

    async def _all_held(self, who: HostId) -> list[KeptCall]:
        found: list[KeptCall] = []
        more, after = True, ""
        while more and len(found) < MOST_HELD:
            data = await self._bus.ask(
                subjects.asked(str(who), "held"), crossing.pack(AskHeld(after=after)), HELD_SECONDS
            )
            held = AllHeld.told(crossing.answered(data))
            found += held.calls
            more = held.more and bool(held.calls)
            after = found[-1].session_id if found else ""
        return found

    def _take_event(self, message: Message) -> None:
        who, body = subjects.sender(message.subject), crossing.unpack(message.data)
        if "call" in body:
            self._hold(who, Held.told(body).call)
            return
        event = SessionEvent.told(body)
        if (at := self._at.get(event.session_id)) != who and (at is not None or event.kind != "ended"):
            return  # of a call that this host began as well, and another one has, or that no front gave it
        event = events.read(event, self._ledger.device(event.session_id))
        if event.kind == "ended":
            self._ledger.end(event.session_id)
            self._forget(event.session_id)
        self._emit_of(who, event)

    def _emit_of(self, who: HostId, event: SessionEvent) -> None:
        if event.kind == "session":
            event = event.model_copy(update={"data": {**event.data, "host": who.name}})
        self._emit(0, event)

    def _hold(self, who: HostId, told: KeptCall) -> None:
        if not self._seals.ready:
            return  # it is asked for all of them then
        opened = self._seals.opened(told, who.name)
        at = self._at.get(told.session_id, who)
        if opened is None or (at.name != who.name and not opened.placed):
            self._unsealed.met(f"{who.name} does")
            return
        call = opened.call
        if not opened.placed:
            self._must_be_bounded(who, call)
        if call.described:
            call = call.model_copy(update={"described": events.described(call.described)})
        if (noted := self._ledger.noted(call)) is None:
            return
        self._note(who, noted)
        if noted.device != call.device:
            self._start(self._end_outdone(call.session_id), f"outdone-{call.session_id}")

    def _note(self, who: HostId, call: KeptCall) -> None:
        host = self._hosts.get(who) or self._met(who, _UNKNOWN)
        self._adopt(call)
        if (before := self._hosts.get(self._at.get(call.session_id, who))) is not None:
            before.calls.discard(call.session_id)  # it was at the host's start before this one
        host.calls.add(call.session_id)
        self._at[call.session_id] = who
        if call.described:
            event = SessionEvent(kind="session", session_id=call.session_id, data=call.described)
            self._emit_of(who, events.read(event, call.device))

    def _must_be_bounded(self, who: HostId, call: KeptCall) -> None:
        """Whoever has a host's name may tell of any number of calls that no front gave it."""
        there = sum(len(host.calls) for other, host in self._hosts.items() if other.name == who.name)
        if there >= MOST_OF_A_NAME or len(json.dumps(call.owner)) > MAX_OWNER:
            raise Unreadable(f"{who.name} tells of more than {MOST_OF_A_NAME} calls, or too much of one")

    async def _end_outdone(self, session_id: str) -> None:
        """End a call whose device has had a later one: its host was out of sight meanwhile."""
        try:
            await self.end(EndCall(session_id=session_id, reason="replaced"))
        except GatewayError as error:
            logger.info("session {} could not be ended: {}", session_id, error.message)

    def _forget(self, session_id: str) -> None:
        self._ledger.forget(session_id)
        if (who := self._at.pop(session_id, None)) is not None and (host := self._hosts.get(who)) is not None:
            host.calls.discard(session_id)

    def _end(self, session_id: str, reason: str) -> None:
        self._forget(session_id)
        self._emit(0, SessionEvent(kind="ended", session_id=session_id, data={"reason": reason}))

    def _lose(self, who: HostId, why: str) -> None:
        if (host := self._hosts.pop(who, None)) is None:
            return
        logger.log(
            "ERROR" if host.calls else "INFO", "host {} {}; it had {} calls", who, why, len(host.calls)
        )
        for session_id in tuple(host.calls):
            self._end(session_id, _LOST)
