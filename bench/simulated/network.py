"""NATS as it behaves: subjects, queue groups, no responders; each message takes a while, and is counted."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from gateway.bus import subjects
from gateway.bus.connection import Message, NobodyThere
from gateway.errors import Busy
from gateway.wire.calls import Order

HOP_SECONDS: Final = 0.0002
"""From a member to NATS, or back, on a LAN."""
GONE_SECONDS: Final = 3.0
"""For NATS to miss a machine without power, by its pings."""


@dataclass(frozen=True, slots=True, eq=False)
class _Hearing:
    member: Member
    hears: Callable[[Message], None]
    group: str


class Network:
    """One NATS for all."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 -- no secret
        self.carried: Counter[int] = Counter()
        """Messages in and out, by second."""
        self._exact: dict[str, list[_Hearing]] = {}
        self._wild: list[tuple[list[str], _Hearing]] = []
        self._inboxes = itertools.count()
        self.orders = itertools.count(1)

    def hear(self, subject: str, hearing: _Hearing) -> Callable[[], None]:
        parts = subject.split(".")
        if {"*", ">"} & set(parts):
            self._wild.append(entry := (parts, hearing))
            return lambda: self._wild.remove(entry) if entry in self._wild else None
        heard = self._exact.setdefault(subject, [])
        heard.append(hearing)

        def end() -> None:
            if hearing in heard:
                heard.remove(hearing)
            if not heard:
                self._exact.pop(subject, None)

        return end

    def forget(self, member: Member) -> None:
        """NATS has missed a member."""
        self._wild = [w for w in self._wild if w[1].member is not member]
        for subject, heard in list(self._exact.items()):
            heard[:] = [h for h in heard if h.member is not member]
            if not heard:
                del self._exact[subject]

    def inbox(self) -> str:
        return subjects.inboxes(f"host-{next(self._inboxes)}")

    def say(self, subject: str, data: bytes, reply: str) -> None:
        """Deliver a message, after its way there."""
        loop = asyncio.get_running_loop()
        self.carried[int(loop.time())] += 1
        loop.call_later(HOP_SECONDS, self._deliver, subject, data, reply)

    def _deliver(self, subject: str, data: bytes, reply: str) -> None:
        chosen = self._choose(subject)
        if not chosen and reply:
            nobody = Message(reply, b"", "", nobody=True)
            for hearing in self._exact.get(reply, ()):
                asyncio.get_running_loop().call_later(HOP_SECONDS, hearing.member.take, hearing, nobody)
        for hearing in chosen:
            self.carried[int(asyncio.get_running_loop().time())] += 1
            message = Message(subject, data, reply)
            asyncio.get_running_loop().call_later(HOP_SECONDS, hearing.member.take, hearing, message)

    def _choose(self, subject: str) -> list[_Hearing]:
        heard = list(self._exact.get(subject, ()))
        parts = subject.split(".")
        heard += [hearing for pattern, hearing in self._wild if _matches(pattern, parts)]
        groups: dict[str, list[_Hearing]] = {}
        for hearing in heard:
            groups.setdefault(hearing.group, []).append(hearing)
        return groups.pop("", []) + [self.random.choice(members) for members in groups.values()]


def _matches(pattern: list[str], parts: list[str]) -> bool:
    if pattern[-1] == ">":
        pattern, parts = pattern[:-1], parts[: len(pattern) - 1] if len(parts) >= len(pattern) else []
    return len(pattern) == len(parts) and all(p in {"*", q} for p, q in zip(pattern, parts, strict=True))


class Member:
    """One machine on the bus, as `gateway.bus.connection.Bus` is to those who use it."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.here = True
        self.dead = False

    def die(self) -> None:
        """Its power is gone: NATS learns of that by its pings."""
        self.dead = True
        asyncio.get_running_loop().call_later(GONE_SECONDS, self._network.forget, self)

    def take(self, hearing: _Hearing, message: Message) -> None:
        if not self.dead:
            hearing.hears(message)

    def when_back(self, call: Callable[[], None]) -> None:
        """It never goes."""

    def inbox(self) -> str:
        return self._network.inbox()

    async def settled(self) -> None:
        await asyncio.sleep(2 * HOP_SECONDS)

    async def order(self) -> Order:
        """What `front.shared.clock` gets: a question, and its answer."""
        self._network.carried[int(asyncio.get_running_loop().time())] += 2
        await asyncio.sleep(2 * HOP_SECONDS)
        return 1.0, next(self._network.orders)

    async def caught_up(self) -> None:
        """What arrives is heard at once."""

    async def tell(self, subject: str, data: bytes, reply: str = "") -> None:
        if not self.dead:
            self._network.say(subject, data, reply)

    async def ask(self, subject: str, data: bytes, seconds: float) -> bytes:
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def hears(message: Message) -> None:
            if not answer.done():
                answer.set_result(message)

        end = self._network.hear(inbox := self.inbox(), _Hearing(self, hears, ""))
        try:
            await self.tell(subject, data, inbox)
            found = await asyncio.wait_for(answer, seconds)
        except TimeoutError:
            raise Busy("no answer") from None
        finally:
            end()
        if found.nobody:
            raise NobodyThere("nobody is there")
        return found.data

    async def hear(
        self, subject: str, hears: Callable[[Message], None], group: str = ""
    ) -> Callable[[], Any]:
        end = self._network.hear(subject, _Hearing(self, hears, group))

        async def ended() -> None:
            end()

        return ended
