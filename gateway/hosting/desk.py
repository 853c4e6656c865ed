"""What a host is asked over the bus, and what it tells: its processes answer, this only carries it across."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from loguru import logger

from gateway import __version__
from gateway.bus import crossing, placing, subjects
from gateway.bus.connection import Bus, Message
from gateway.errors import BadRequest, BotFailed, ConfigError, GatewayError, NotFound
from gateway.front.places.place import Places
from gateway.hosting.measure import Measure
from gateway.settings import Settings
from gateway.wire.calls import (
    ASKED,
    Answer,
    EndCall,
    KeptCall,
    OfferCall,
    PlacedCall,
    RenegotiateCall,
    SessionEvent,
    Wire,
    dump,
)
from gateway.wire.headroom import TIERS, Headroom
from gateway.wire.hosts import AllHeld, AskHeld, Held, HostState
from gateway.wire.route import own_address
from gateway.wire.sdp import parse

FAILING_SECONDS: Final = 10.0
"""For which a host whose bot could not begin is asked last: else, as the emptiest, it would be asked first."""
MAX_HELD: Final = crossing.MAX_BYTES // 2
"""Of calls that are told of at once; one takes 100 kB at most, where its board has many tools."""
_REQUESTS: Final[dict[str, type[Wire]]] = {"renegotiate": RenegotiateCall, "end": EndCall, **ASKED}


class Desk:
    """One host's.

    Args:
        settings: the host's own: its bots, its limits.
        bus: where it is asked.
        who: this host.
        measure: of what is left of the machine.
    """

    def __init__(
        self, settings: Settings, bus: Bus, who: subjects.HostId, measure: Measure | None = None
    ) -> None:
        self._settings, self._bus, self._who = settings, bus, who
        self._places: Places | None = None
        self._measure = measure or Measure()
        self._calls: dict[str, KeptCall] = {}
        self._remotes: dict[str, str] = {}
        self._ends: dict[int, Callable[[], Awaitable[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._outbox: asyncio.Queue[tuple[str, Wire]] = asyncio.Queue()
        self._coming: dict[str, dict[str, Any]] = {}
        """Calls that are about to be, as their media processes describe them."""
        self._draining = False
        self._fails_until = 0.0

    # -- its calls

    @property
    def count(self) -> int:
        """Calls that are there, or about to be."""
        return len(self._coming) + (self._places.count if self._places is not None else 0)

    @property
    def headroom(self) -> Headroom:
        """What is left of this machine."""
        return Headroom(
            calls=self.count,
            most=self._settings.limits.sessions,
            load=self._places.load if self._places is not None else 1.0,
            cpu=max(0.0, min(1.0, self._measure.cpu)),
            lag_ms=self._measure.lag_ms,
            failing=asyncio.get_running_loop().time() < self._fails_until,
            draining=self._draining or self._places is None,
        )

    def emit(self, _worker: int, event: SessionEvent) -> None:
        """Tell the fronts what happens in a call; what a bot asks for is one front's to do."""
        if event.kind == "ended":
            self._calls.pop(event.session_id, None)
            self._remotes.pop(event.session_id, None)
        elif event.kind == "session" and (held := self._calls.get(event.session_id)) is not None:
            self._calls[event.session_id] = held.model_copy(update={"described": event.data})
        elif event.kind == "session" and event.session_id in self._coming:
            self._coming[event.session_id] = event.data
            return  # it is told with the call
        self._outbox.put_nowait((self._who.ask if event.kind == "ask" else self._who.event, event))

    async def start(self, places: Places, kept: list[KeptCall]) -> None:
        """Take calls from now on, beside those that were there."""
        self._places = places
        self._calls |= {call.session_id: call for call in kept}
        self._start(self._listen(), "listen")
        self._start(self._tell(), "tell")
        self._start(self._report(), "report")

    async def drain(self) -> None:
        """Take no more."""
        self._draining = True
        await self._follow()
        await self._say_state()

    async def close(self) -> None:
        """Say goodbye."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while not self._outbox.empty() and self._bus.here:
            await self._send(*self._outbox.get_nowait())
        await self._say_state(ended=True)

    # -- what it is asked

    async def _listen(self) -> None:
        await self._bus.hear(subjects.asked(str(self._who), "*"), self._asked)

    def _asked(self, message: Message) -> None:
        self._start(self._answer(message), "asked")

    async def _answer(self, message: Message) -> None:
        name = message.subject.rsplit(".", 1)[1]
        try:
            found = crossing.pack(await self._do(name, message.data))
        except GatewayError as error:
            found = crossing.pack_error(error)
        except Exception as error:  # noqa: BLE001 -- the asker is told of every fault
            logger.exception("request {} failed", name)
            found = crossing.pack_error(GatewayError(f"{type(error).__name__}: {error}"))
        try:
            await self._bus.tell(message.reply, found)
        except GatewayError as error:
            logger.info("an answer to {} got lost: {}", name, error.message)

    async def _do(self, name: str, data: bytes) -> dict[str, Any]:
        if name == "ping":
            return {"ok": True}
        if name == "held":
            return dump(self._held(crossing.read(data, AskHeld).after))
        if name not in _REQUESTS or self._places is None:
            raise NotFound(f"no request is called {name}", remedy="upgrade this host")
        call: Any = crossing.read(data, _REQUESTS[name])
        if isinstance(call, RenegotiateCall):
            return dump(await self._renegotiate(self._places, call))
        await (self._places.end(call) if isinstance(call, EndCall) else self._places.ask(call))
        return {"ok": True}

    def _held(self, after: str | None) -> AllHeld:
        """Its calls after this one; without one all, as a front of before asks for them."""
        if after is None:
            return AllHeld(calls=list(self._calls.values()))
        left = sorted((c for c in self._calls.values() if c.session_id > after), key=lambda c: c.session_id)
        fits: list[KeptCall] = []
        room = MAX_HELD
        for call in left:
            room -= len(crossing.pack(dump(call)))
            if room < 0 and fits:
                break
            fits.append(call)
        return AllHeld(calls=fits, more=len(fits) < len(left))

    async def _renegotiate(self, places: Places, call: RenegotiateCall) -> Answer:
        held = self._calls.get(call.session_id)
        known = held.described.get("address", "") if held is not None else ""
        remote = self._remotes.get(call.session_id, known) or call.address
        address = own_address(parse(call.sdp).candidates, remote)
        answer = await places.renegotiate(call.model_copy(update={"address": address}))
        if held is not None and held.pc_id != answer.pc_id:
            await self._hold(held.model_copy(update={"pc_id": answer.pc_id}))
        return answer

    def _offered(self, message: Message) -> None:
        self._start(self._take(message), "offered")

    async def _take(self, message: Message) -> None:
        try:
            call = crossing.read(message.data, OfferCall)
        except GatewayError as error:
            await self._bus.tell(message.reply, crossing.pack_error(error))
            return
        if call.session_id in self._coming or call.session_id in self._calls:
            return  # its front has asked again meanwhile, and waits for what we say to the first
        self._coming[call.session_id] = {}
        try:
            await self._take_or_leave(call, message.reply)
        except GatewayError as error:
            logger.info("an offer is left: {}", error.message)
        finally:
            del self._coming[call.session_id]
            await self._follow()

    async def _take_or_leave(self, call: OfferCall, inbox: str) -> None:
        who = str(self._who)
        if self._draining or self.count > self._settings.limits.sessions:  # this one is counted already
            await self._bus.tell(inbox, crossing.pack({"full": who}))
            return
        await placing.take(
            self._bus,
            inbox,
            who,
            begin=self._begin(call),
            keep=lambda answer, wanted: self._keep(call, answer, wanted),
            undo=lambda: self._undo(call),
        )
        if (kept := self._calls.get(call.session_id)) is not None and self._places is not None:
            await self._note_placed(self._places, kept)

    async def _begin(self, call: OfferCall) -> Answer:
        """Begin it here: on our own address, and with the bot that our own settings name. Its front has checked it."""
        assert self._places is not None
        address = own_address(parse(call.sdp).candidates, call.remote)
        bot = self._settings.bots.get(call.device or "", self._settings.bot)
        try:
            answer = await self._places.offer(call.model_copy(update={"address": address, "bot": bot}))
        except (ConfigError, BotFailed):
            if bot == self._settings.bot:
                self._fails_until = asyncio.get_running_loop().time() + FAILING_SECONDS
            raise
        self._fails_until = 0.0
        return answer

    async def _keep(self, call: OfferCall, answer: Answer, wanted: placing.Wanted) -> None:
        """Know it as a call that there is, unless it has ended already."""
        assert self._places is not None
        if call.session_id in self._places:
            self._remotes[call.session_id] = call.remote
            described = self._coming[call.session_id]
            await self._hold(
                KeptCall(
                    session_id=call.session_id,
                    pc_id=answer.pc_id,
                    device=call.device,
                    owner=call.owner,
                    described=described,
                    order=wanted.order,
                    seal=call.seal,
                    placed=wanted.seal,
                )
            )

    @staticmethod
    async def _note_placed(places: Places, kept: KeptCall) -> None:
        """Have its media process know what its next host tells; its client, which has the answer, waits for nothing."""
        try:
            await places.ask(PlacedCall(session_id=kept.session_id, order=kept.order, seal=kept.placed))
        except GatewayError as error:
            logger.info("its next start will not know whose call this is: {}", error.message)

    async def _hold(self, call: KeptCall) -> None:
        """Every front knows of it before its client has the answer, and may come to any."""
        self._calls[call.session_id] = call
        await self._send(self._who.event, Held(call=call))

    async def _undo(self, call: OfferCall) -> None:
        assert self._places is not None
        logger.info("nobody waits for the answer to {} any more", call.remote)
        try:
            await self._places.end(EndCall(session_id=call.session_id, reason="failed"))
        except GatewayError as error:
            logger.info("it has ended already: {}", error.message)

    # -- what it tells

    async def _report(self) -> None:
        while True:
            await self._follow()
            await self._say_state()
            await self._measure.rest()

    async def _follow(self) -> None:
        """Take calls in our tier and those below it: who fills up leaves the emptier ones to others."""
        tier = self.headroom.tier
        wanted = {t for t in TIERS if tier is not None and t <= tier}
        for unwanted in self._ends.keys() - wanted:
            await self._ends.pop(unwanted)()
        for new in wanted - self._ends.keys():
            self._ends[new] = await self._bus.hear(subjects.place(new), self._offered, subjects.HOSTS)

    async def _say_state(self, *, ended: bool = False) -> None:
        state = HostState(version=__version__, headroom=self.headroom, ended=ended)
        await self._send(self._who.state, state)

    async def _tell(self) -> None:
        while True:
            await self._send(*await self._outbox.get())

    async def _send(self, subject: str, what: Wire) -> None:
        """What is told while NATS is away is lost: it asks for everything when it is back."""
        try:
            await self._bus.tell(subject, crossing.pack(what))
        except BadRequest as error:
            logger.error("{} can't be told: {}", type(what).__name__, error.message)
        except GatewayError as error:
            logger.debug("not told: {}", error.message)
        except Exception:  # noqa: BLE001 -- what one call has to tell keeps no other from being told of
            logger.exception("{} can't be told", type(what).__name__)

    def _start(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=f"host-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
