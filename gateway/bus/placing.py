"""A call finds its host: the emptiest tier is asked first, one host of it hears, takes it, and answers.

Both sides ask each other. A host that has slept, or is cut off, would else carry a call that nobody waits for any more,
beside the one that its device has elsewhere; a front that has died would leave one behind. Who isn't there any more has
no inbox, and NATS says so at once, so no clock is compared with another machine's. The host begins the call while it
asks: what it begins for nobody is cancelled a moment later.

```
front                                   host
 │ offer to voicegw.place.3, inbox ────►│  one of the queue group, which begins the call
 │◄──────────────────── "may I take it" │
 │ yes ────────────────────────────────►│  else it is cancelled
 │◄──────────────────────── the answer  │
 │ taken ──────────────────────────────►│  else the call is ended
```
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, Protocol

from loguru import logger

from gateway.bus import crossing, subjects
from gateway.bus.connection import Message
from gateway.errors import Busy, GatewayError
from gateway.wire.calls import Answer, OfferCall, dump
from gateway.wire.headroom import TIERS

TAKE_SECONDS: Final = 0.3
"""For a host to want a call: its event loop is late by a fifth of it at most (`headroom`)."""
TRIES: Final = 3
"""Of a tier in which somebody hears, but takes nothing: one of them sleeps, or has filled up meanwhile."""
DEAD_SECONDS: Final = 4.0
"""For NATS to notice that a host has died, which is given offers until then: so long an offer is tried again."""
LOOK_SECONDS: Final = 1.0
"""Between two looks whether the host that has taken a call is there still."""
CONFIRM_SECONDS: Final = 2.0


class Speaks(Protocol):
    """What this asks of the bus."""

    def inbox(self) -> str: ...
    async def tell(self, subject: str, data: bytes, reply: str = "") -> None: ...
    async def ask(self, subject: str, data: bytes, seconds: float) -> bytes: ...
    async def hear(
        self, subject: str, hears: Callable[[Message], None], group: str = ""
    ) -> Callable[[], Awaitable[None]]: ...


async def place(bus: Speaks, call: OfferCall, seconds: float) -> Answer:
    """Have a host take a call; gives its answer.

    Args:
        bus: that hosts hear.
        call: what is asked.
        seconds: for the answer, once it has taken it.

    Raises:
        Busy: none has room, or the one that took it doesn't answer in time. Else what the host raises.
    """
    data = crossing.pack(call)
    loop = asyncio.get_running_loop()
    over = loop.time() + DEAD_SECONDS
    while True:
        slept = 0
        async with contextlib.aclosing(_attempts(bus)) as attempts:
            async for attempt in attempts:
                if (found := await attempt.run(data, seconds)) is not None:
                    return found
                slept += attempt.slept
        if not slept or loop.time() > over:
            break
    raise Busy(
        "no host has room for a call", remedy="try again in a few seconds, or start another: voicegw host"
    )


async def _attempts(bus: Speaks) -> AsyncGenerator[_Attempt]:
    """Each tier, as often as it may be."""
    for tier in TIERS:
        for _ in range(TRIES):
            attempt = _Attempt(bus, tier)
            try:
                yield attempt
            finally:
                await attempt.close()
            if attempt.nobody:
                break


class _Attempt:
    """One host is asked."""

    def __init__(self, bus: Speaks, tier: int) -> None:
        self._bus, self._tier, self._inbox = bus, tier, bus.inbox()
        self._heard: asyncio.Queue[Message] = asyncio.Queue()
        self._end: Callable[[], Awaitable[None]] | None = None
        self.nobody = False
        """Whether nobody heard at all."""
        self.slept = False
        """Whether somebody should have heard, and did not."""

    async def run(self, data: bytes, seconds: float) -> Answer | None:
        self._end = await self._bus.hear(self._inbox, self._heard.put_nowait)
        await self._bus.tell(subjects.place(self._tier), data, self._inbox)
        try:
            first = await asyncio.wait_for(self._heard.get(), TAKE_SECONDS)
        except TimeoutError:
            self.slept = True
            return None
        self.nobody = first.nobody
        if first.nobody or "takes" not in (body := crossing.answered(first.data)):
            return None
        await self._bus.tell(first.reply, crossing.pack({"yes": True}))
        answer = await self._answer(who := str(body["takes"]), seconds)
        if answer is None:
            return None
        try:
            found = crossing.value_of(crossing.answered(answer.data).get("answer"), Answer)
        except Busy as error:
            logger.info("{} has taken a call, and can't carry it: {}", who, error.message)
            return None
        await self._bus.tell(answer.reply, crossing.pack({"yes": True}))
        return found

    async def _answer(self, who: str, seconds: float) -> Message | None:
        """What comes from the host that has taken it; nothing where that has died or sleeps."""
        over = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < over:
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(self._heard.get(), LOOK_SECONDS)
            try:
                await self._bus.ask(subjects.asked(who, "ping"), crossing.pack({}), TAKE_SECONDS)
            except Busy:
                return None
        raise Busy(f"{who} did not answer within {seconds:g} s", remedy="try again")

    async def close(self) -> None:
        """From here on whoever answers is told that nobody waits."""
        if self._end is not None:
            await self._end()


async def take(  # noqa: PLR0913 -- a call's whole way at its host
    bus: Speaks,
    message: Message,
    who: str,
    *,
    has_room: Callable[[], bool],
    begin: Callable[[OfferCall], Awaitable[Answer]],
    undo: Callable[[OfferCall], Awaitable[None]],
) -> None:
    """Be the host that has heard an offer."""
    if not has_room():
        await bus.tell(message.reply, crossing.pack({"full": who}))
        return
    try:
        call = crossing.read(message.data, OfferCall)
    except GatewayError as error:
        await bus.tell(message.reply, crossing.pack_error(error))
        return
    asking = asyncio.create_task(_wanted(bus, message.reply, crossing.pack({"takes": who})))
    beginning = asyncio.create_task(begin(call))
    kept = False
    try:
        kept = await asking and await _answered(bus, message.reply, beginning)
    finally:
        if not kept:
            beginning.cancel()
            await asyncio.gather(beginning, return_exceptions=True)
            await undo(call)


async def _answered(bus: Speaks, inbox: str, beginning: asyncio.Task[Answer]) -> bool:
    """Whether what comes of it is known to whoever asked."""
    try:
        answer = await beginning
    except GatewayError as error:
        await bus.tell(inbox, crossing.pack_error(error), bus.inbox())
        return True
    return await _wanted(bus, inbox, crossing.pack({"answer": dump(answer)}))


async def _wanted(bus: Speaks, inbox: str, data: bytes) -> bool:
    try:
        return bool(crossing.unpack(await bus.ask(inbox, data, CONFIRM_SECONDS)).get("yes"))
    except GatewayError:
        return False
