"""A call finds its host: the emptiest tier that is known is asked first, one host of it hears, takes it, and answers.

Both sides ask each other. A host that has slept, or is cut off, would else carry a call that nobody waits for any more,
beside the one that its device has elsewhere; a front that has died would leave one behind. A front that waits no more
says so, and of one that has died NATS says it at once, so no clock is compared with another machine's. The host begins
the call while it asks: what it begins for nobody is cancelled a moment later.

```
front                                   host
 │ offer to voicegw.place.3, inbox ────►│  one of the queue group, which begins the call
 │◄──────────────────── "may I take it" │
 │ yes, its place in the order, sealed ►│  else it is cancelled
 │◄──────────────────────── the answer  │
 │ taken ──────────────────────────────►│  else the call is ended
```
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

from loguru import logger

from gateway.bus import crossing, subjects
from gateway.bus.connection import Message
from gateway.bus.subjects import HostId
from gateway.errors import BadOffer, Busy, GatewayError, NoRoute
from gateway.wire.calls import Answer, OfferCall, Order, dump
from gateway.wire.headroom import TIERS

AGAIN_SECONDS: Final = 0.1
"""For a host to want a call, before another is asked: its event loop is late by half of it at most (`headroom`). One
that is slower may still have the call."""
PING_SECONDS: Final = 0.3
"""For a host to say that it is there, before it is taken for one that sleeps."""
TRIES: Final = 3
"""Of a tier in which somebody hears, but takes nothing: one of them sleeps, or has filled up meanwhile."""
DEAD_SECONDS: Final = 4.0
"""For NATS to notice that a host has died, which is given offers until then: so long an offer is tried again."""
LOOK_SECONDS: Final = 1.0
"""Between two looks whether the host that has taken a call is there still."""
CONFIRM_SECONDS: Final = 2.0


Seal = Callable[[str, Order | None], str]
"""Of a host's name, and of a call's place in the order: by which fronts know that the host was given it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a host is told with the "yes"."""

    order: Order | None
    seal: str


class Speaks(Protocol):
    """What this asks of the bus."""

    def inbox(self) -> str: ...
    async def tell(self, subject: str, data: bytes, reply: str = "") -> None: ...
    async def ask(self, subject: str, data: bytes, seconds: float) -> bytes: ...
    async def hear(
        self, subject: str, hears: Callable[[Message], None], group: str = ""
    ) -> Callable[[], Awaitable[None]]: ...


class _Says(Protocol):
    def __call__(self, to: Message, *, yes: bool) -> None: ...


class Placing:
    """Has calls placed, one front's. What hosts say of any of them comes to one subject, which is heard all along."""

    def __init__(self, bus: Speaks) -> None:
        self._bus, self._subject = bus, bus.inbox()
        self._placed: dict[str, _Placed] = {}
        self._saying: set[asyncio.Task[None]] = set()

    async def start(self) -> Callable[[], Awaitable[None]]:
        """Hear what hosts say; gives what ends that."""
        return await self._bus.hear(f"{self._subject}.*", self._take)

    async def place(
        self, call: OfferCall, seconds: float, *, first: int, order: Awaitable[Order | None], seal: Seal
    ) -> Answer:
        """Have a host take a call; gives its answer.

        Args:
            call: what is asked.
            seconds: for the answer, once it has taken it.
            first: the emptiest tier in which somebody is known to be; nobody is asked for above it.
            order: which one it is of all calls, where that counts; it is found out while a host is looked for.
            seal: of what the host is told that takes it.

        Raises:
            BadOffer: as a host does. Busy: none has room, or the one that took it doesn't answer in time. Else why the
                last one that had room could not carry it, and what the order does.
        """
        token = secrets.token_hex(8)
        ordered = asyncio.ensure_future(order)
        ordered.add_done_callback(_asked_for)
        try:
            inbox = f"{self._subject}.{token}"
            placed = _Placed(self._bus, inbox, self._say, call, seconds, first, ordered, seal)
            self._placed[token] = placed
            return await placed.run()
        finally:
            self._placed.pop(token, None)
            ordered.cancel()

    def _take(self, message: Message) -> None:
        """What comes too late is told so: nobody waits for it any more."""
        if message.reply and not subjects.is_hosts(message.reply):
            return
        if (placed := self._placed.get(message.subject.rsplit(".", 1)[1])) is not None:
            placed.heard.put_nowait(message)
        elif message.reply:
            self._say(message, yes=False)

    def _say(self, to: Message, *, yes: bool) -> None:
        """Answer a host, and wait for nothing: one that hears of no "yes" ends the call."""
        task = asyncio.create_task(self._tell(to, yes=yes), name="say")
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def _tell(self, to: Message, *, yes: bool) -> None:
        with contextlib.suppress(GatewayError):
            await self._bus.tell(to.reply, crossing.pack({"yes": yes}))


class _Placed:
    """One call that looks for a host."""

    def __init__(  # noqa: PLR0913, PLR0917 -- what `place` is given, and whence
        self,
        bus: Speaks,
        inbox: str,
        say: _Says,
        call: OfferCall,
        seconds: float,
        first: int,
        ordered: Awaitable[Order | None],
        seal: Seal,
    ) -> None:
        self._bus, self._inbox, self._say = bus, inbox, say
        self._data, self._seconds = crossing.pack(call), seconds
        self._tiers = [tier for tier in TIERS if tier <= first]
        self._ordered, self._seal = ordered, seal
        self.heard: asyncio.Queue[Message] = asyncio.Queue()
        self._unanswered = False
        """Whether somebody should have heard, and did not."""
        self._failed: GatewayError | None = None
        """Why a host that had room could not carry the call, which another one may."""

    async def run(self) -> Answer:
        loop = asyncio.get_running_loop()
        over = loop.time() + DEAD_SECONDS
        while (found := await self._round()) is None:
            if self._failed is not None:
                raise self._failed
            if not self._unanswered or loop.time() > over:
                raise Busy(
                    "no host has room for a call",
                    remedy="try again in a few seconds, or start another: voicegw host",
                )
        return found

    async def _round(self) -> Answer | None:
        """Ask each tier, as often as it may be."""
        self._unanswered = False
        for tier in self._tiers:
            for _ in range(TRIES):
                await self._bus.tell(subjects.place(tier), self._data, self._inbox)
                if (heard := await self._hear(AGAIN_SECONDS)) is None:
                    self._unanswered = True
                elif heard.nobody:
                    break
                elif (found := await self._follow(heard)) is not None:
                    return found
        return None

    async def _hear(self, seconds: float) -> Message | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self.heard.get()
        return None

    async def _follow(self, heard: Message) -> Answer | None:
        """Go where it leads; nothing where it has no room, or dies."""
        if (body := self._read(heard)) is None:
            return None
        if "answer" in body:
            return self._accept(heard, body["answer"])
        if (who := subjects.named(body.get("takes"))) is None or not heard.reply:
            return None
        await self._bus.tell(heard.reply, await self._yes(who))
        return await self._answer(who)

    async def _yes(self, who: HostId) -> bytes:
        order = await self._ordered
        return crossing.pack({"yes": True, "order": order, "seal": self._seal(who.name, order)})

    async def _answer(self, who: HostId) -> Answer | None:
        """What comes from the host that has taken it; nothing where that has died, sleeps, or can't carry it.

        Raises:
            GatewayError: the offer is at fault.
        """
        loop = asyncio.get_running_loop()
        over = loop.time() + self._seconds
        while loop.time() < over:
            heard = await self._hear(LOOK_SECONDS)
            if heard is None and not await self._is_there(who):
                return None
            if heard is None or heard.nobody:
                continue
            if (body := self._read(heard)) is None or body.get("left") == str(who):
                return None
            if "answer" in body:
                return self._accept(heard, body["answer"])
            if "takes" in body:  # a slower one
                self._say(heard, yes=False)
        raise Busy(f"no answer within {self._seconds:g} s", remedy="try again")

    def _read(self, heard: Message) -> dict[str, Any] | None:
        """What a host says; `None` where it can't carry the call: another one may.

        Raises:
            BadOffer: as the host does.
        """
        try:
            body = crossing.answered(heard.data)
            return {**body, "answer": Answer.told(body["answer"])} if "answer" in body else body
        except GatewayError as error:
            lost = isinstance(error, NoRoute)  # the host's network, and not what it was offered
            if isinstance(error, BadOffer) and not lost:
                raise
            logger.info("a host can't carry a call: {}", error.message)
            if lost or (error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Busy)):
                self._failed = error
            return None

    async def _is_there(self, who: HostId) -> bool:
        try:
            await self._bus.ask(subjects.asked(str(who), "ping"), crossing.pack({}), PING_SECONDS)
        except Busy:
            return False
        return True

    def _accept(self, heard: Message, answer: Answer) -> Answer:
        self._say(heard, yes=True)
        return answer


def _asked_for(ordered: asyncio.Future[Any]) -> None:
    """It may be that nobody waits for it, and that is no fault."""
    if not ordered.cancelled():
        ordered.exception()


async def take(  # noqa: PLR0913 -- what its host does at each step
    bus: Speaks,
    inbox: str,
    who: str,
    *,
    begin: Awaitable[Answer],
    keep: Callable[[Answer, Wanted], Awaitable[None]],
    undo: Callable[[], Awaitable[None]],
) -> None:
    """Be the host that has heard an offer, has room for it, and begins it; who hears at the inbox may want it.

    Args:
        bus: where it was heard.
        inbox: where it is answered.
        who: this host.
        begin: what begins it.
        keep: is told what came of it, and what its front says of it, before it is answered.
        undo: ends it again, where nobody waits for it any more.
    """
    beginning = asyncio.ensure_future(begin)
    asking = asyncio.create_task(_wanted(bus, inbox, crossing.pack({"takes": who})))
    kept = False
    try:
        if (wanted := await asking) is not None:
            kept = await _answered(bus, inbox, beginning, lambda answer: keep(answer, _wanted_in(wanted)))
    finally:
        if not kept:
            beginning.cancel()
            await asyncio.gather(beginning, return_exceptions=True)
            await undo()
            await bus.tell(inbox, crossing.pack({"left": who}))  # it may want the call, and be slow to say so


async def _answered(
    bus: Speaks, inbox: str, beginning: asyncio.Future[Answer], keep: Callable[[Answer], Awaitable[None]]
) -> bool:
    """Whether what comes of it is known to whoever asked."""
    try:
        answer = await beginning
    except GatewayError as error:
        await bus.tell(inbox, crossing.pack_error(error), bus.inbox())
        return True
    # One after the other, and one packet: what is told of the call goes before its answer.
    _, wanted = await asyncio.gather(
        keep(answer), _wanted(bus, inbox, crossing.pack({"answer": dump(answer)}))
    )
    return wanted is not None


async def _wanted(bus: Speaks, inbox: str, data: bytes) -> dict[str, Any] | None:
    """What whoever asked says to it; nothing where it does not want it."""
    try:
        said = crossing.unpack(await bus.ask(inbox, data, CONFIRM_SECONDS))
    except GatewayError:
        return None
    return said if said.get("yes") else None


def _wanted_in(said: dict[str, Any]) -> Wanted:
    seal = str(said.get("seal", ""))
    match said.get("order"):
        case [int() | float() as made, int() as number]:
            return Wanted((float(made), number), seal)
    return Wanted(None, seal)
