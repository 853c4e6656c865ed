from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from gateway.media.seat import KEPT_SOUND, Bot, Seat
from gateway.sections import BotLimits
from gateway.wire import talk
from gateway.wire.calls import BotJob, Exit
from gateway.wire.frames import Frame, Kind, Reader


def loud(number: int) -> bytes:
    """20 ms that are no other's."""
    high = 8_000 + number
    return (high.to_bytes(2, "little", signed=True) + (-high).to_bytes(2, "little", signed=True)) * 160


@dataclass
class Late:
    """A bot that begins when it is told to; its end of the pair is `other`."""

    begins: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Future[Exit] = field(default_factory=asyncio.Future)

    def __post_init__(self) -> None:
        self.sock, self.other = socket.socketpair()
        self.other.setblocking(False)

    def check(self, bot: str) -> None: ...

    async def begin(self, job: BotJob) -> Bot:  # noqa: ARG002 -- Bots'
        await self.begins.wait()
        return self

    def terminate(self) -> None:
        if not self.ended.done():
            self.ended.set_result(Exit(how="returned"))

    kill = terminate

    async def hears(self, count: int) -> list[bytes]:
        """The first so many frames of sound."""
        reader, came = Reader(), list[Frame]()
        while len(came) < count:
            data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.other, 1 << 16), 10)
            came += [frame for frame in reader.feed(data) if frame.kind is Kind.HEARD]
        return [frame.body for frame in came]


class Quiet:
    """A call in which the bot says nothing."""

    def said(self, pcm: bytes, rate: int) -> None: ...
    def clear(self) -> None: ...
    def told(self, told: talk.FromBot) -> None: ...
    def bot_failed(self, detail: str) -> None: ...
    def greet(self) -> list[talk.Told]:
        return []


@pytest.fixture
async def late() -> AsyncIterator[tuple[Late, Seat]]:
    bot = Late()
    job = BotJob(session_id="s1", bot="echo", own={}, device=None, pc_id="p1", phone=None)
    seat = Seat(bot, job, Quiet(), replace=False, limits=BotLimits())
    yield bot, seat
    await seat.end()
    bot.other.close()


async def test_what_is_said_before_the_bot_is_there_is_heard_from_its_first_sound(
    late: tuple[Late, Seat],
) -> None:
    bot, seat = late
    said = [loud(n) for n in range(150)]
    for pcm in said:
        seat.heard(pcm)
    bot.begins.set()
    assert await bot.hears(len(said)) == said


async def test_of_much_that_is_said_before_the_last_is_kept(late: tuple[Late, Seat]) -> None:
    bot, seat = late
    said = [loud(n) for n in range(KEPT_SOUND + 20)]
    for pcm in said:
        seat.heard(pcm)
    bot.begins.set()
    assert await bot.hears(KEPT_SOUND) == said[-KEPT_SOUND:]
