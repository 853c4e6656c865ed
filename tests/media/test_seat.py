from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.gate import BEFORE
from gateway.media.seat import KEPT_MESSAGES, KEPT_SOUND, Bot, Seat
from gateway.sections import BotLimits
from gateway.wire import talk
from gateway.wire.calls import BotJob, Exit
from gateway.wire.frames import Frame, Kind, Reader
from tests.support.waiting import until


def loud(number: int) -> bytes:
    """20 ms that are no other's."""
    high = 8_000 + number
    return (high.to_bytes(2, "little", signed=True) + (-high).to_bytes(2, "little", signed=True)) * 160


NOTHING = bytes(640)


def quiet(number: int) -> bytes:
    """20 ms of a room at -60 dBFS."""
    return np.random.default_rng(number).normal(0, 33, 320).astype("<i2").tobytes()


def _waiting(sock: socket.socket, reader: Reader) -> list[Frame]:
    try:
        return list(reader.feed(sock.recv(1 << 20)))
    except BlockingIOError:
        return []


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

    def stream(self, frames: list[bytes], seat: Seat) -> list[list[bytes]]:
        """What it has heard after each of these: sound, and zeros while it is told that it is silent."""
        reader, silent, heard = Reader(), False, list[bytes]()
        streams = []
        for pcm in frames:
            seat.heard(pcm)
            for frame in _waiting(self.other, reader):
                if frame.kind is Kind.HEARD:
                    heard.append(frame.body)
                if frame.kind in {Kind.HEARD, Kind.SILENCE, Kind.HOLD}:
                    silent = frame.kind is Kind.SILENCE
            heard += [NOTHING] * silent
            streams.append(heard[:])
        return streams

    async def takes(self, count: int, kind: Kind) -> list[Frame]:
        """The first so many frames of a kind."""
        reader, came = Reader(), list[Frame]()
        while len(came) < count:
            data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.other, 1 << 16), 10)
            came += [frame for frame in reader.feed(data) if frame.kind is kind]
        return came

    async def hears(self, count: int) -> list[bytes]:
        """The first so many frames of sound."""
        return [frame.body for frame in await self.takes(count, Kind.HEARD)]


class Quiet:
    """A call in which the bot says nothing."""

    def said(self, pcm: bytes, rate: int) -> None: ...
    def clear(self) -> None: ...
    def told(self, told: talk.FromBot) -> None: ...
    def bot_failed(self, detail: str) -> None: ...
    def greet(self) -> list[talk.Told]:
        return []


@dataclass
class Starved(Late):
    """One for which there is no descriptor left at first."""

    failures: int = 1

    async def begin(self, job: BotJob) -> Bot:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return await super().begin(job)


class Told(Quiet):
    """A call that is told why its bot failed."""

    def __init__(self) -> None:
        self.why: list[str] = []

    def bot_failed(self, detail: str) -> None:
        self.why.append(detail)


async def test_a_bot_that_there_is_no_descriptor_for_is_tried_again() -> None:
    bot, call = Starved(), Told()
    job = BotJob(session_id="s1", bot="echo", own={}, device="kitchen", pc_id="p1", phone=None)
    seat = Seat(bot, job, call, replace=True, limits=BotLimits())
    bot.begins.set()
    seat.heard(loud(1))
    assert await bot.hears(1) == [loud(1)]
    assert call.why == ["no process for it: Too many open files"]
    await seat.end()
    bot.other.close()


@pytest.fixture
async def late() -> AsyncIterator[tuple[Late, Seat]]:
    async with seated() as both:
        yield both


@contextlib.asynccontextmanager
async def seated(first: int = 0) -> AsyncIterator[tuple[Late, Seat]]:
    bot = Late()
    job = BotJob(session_id="s1", bot="echo", own={}, device=None, pc_id="p1", phone=None)
    seat = Seat(bot, job, Quiet(), replace=False, limits=BotLimits(), first=first)
    yield bot, seat
    await seat.end()
    bot.other.close()


async def streams_of(frames: list[bytes]) -> list[list[bytes]]:
    """What a bot has heard after each of these."""
    async with seated() as (bot, seat):
        bot.begins.set()
        await until(lambda: seat._pair is not None, "it has a bot")
        return bot.stream(frames, seat)


MAKE: dict[str, Callable[[int], bytes]] = {"l": loud, "q": quiet, "z": lambda _: NOTHING}
STRETCHES = st.lists(st.tuples(st.sampled_from("lqz"), st.integers(2, 260)), max_size=8)


@settings(max_examples=40, deadline=None)
@given(STRETCHES)
def test_no_time_is_heard_twice_and_nothing_loud_is_lost(stretches: list[tuple[str, int]]) -> None:
    kinds = "".join(kind * length for kind, length in stretches)
    said = [MAKE[kind](n) for n, kind in enumerate(kinds)]
    streams = asyncio.run(streams_of(said))
    assert all(len(heard) <= passed for passed, heard in enumerate(streams, 1)), "more time than has passed"
    heard = streams[-1] if streams else []
    assert len(said) - len(heard) <= BEFORE
    sounds = [pcm for pcm in heard if pcm != NOTHING]
    wanted = [pcm for pcm in said if pcm != NOTHING]
    places = {pcm: place for place, pcm in enumerate(wanted)}
    order = [places[pcm] for pcm in sounds]
    assert order == sorted(set(order)), "each once, in order"
    lost = {loud(n) for n, kind in enumerate(kinds) if kind == "l"} - set(sounds)
    assert not lost


@pytest.mark.parametrize("kind", ["q", "z"])
def test_a_pause_is_heard_as_long_as_it_is_until_any_turn_has_ended(kind: str) -> None:
    said = [quiet(n) for n in range(300)] + [loud(n) for n in range(50)]
    streams = asyncio.run(streams_of(said + [MAKE[kind](n) for n in range(190)]))
    assert len(streams[-1]) - len(streams[len(said) - 1]) == 190


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


async def test_what_a_call_begins_with_is_kept_for_a_bot_that_is_late() -> None:
    async with seated(first=2) as (bot, seat):
        for number in range(KEPT_MESSAGES + 30):
            seat.tell(talk.Line(text=str(number)))
        bot.begins.set()
        told = [frame.message()["text"] for frame in await bot.takes(KEPT_MESSAGES, Kind.MESSAGE)]
        assert told == [str(n) for n in (0, 1, *range(32, KEPT_MESSAGES + 30))]
