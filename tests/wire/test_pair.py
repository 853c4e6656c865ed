from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest

from gateway.wire import pair as module
from gateway.wire.frames import Frame, FrameError, Kind, Reader, encode
from gateway.wire.pair import MAX_SOUND_WAITING, Pair
from tests.support.waiting import until

PCM = bytes(range(256)) * 2 + bytes(128)


class End:
    """One end, and what came to it."""

    def __init__(self, sock: socket.socket) -> None:
        self.frames: list[Frame] = []
        self.reasons: list[str] = []
        self.pair = Pair(sock, self.frames.append, self.reasons.append)


@pytest.fixture
async def ends() -> AsyncIterator[tuple[End, End]]:
    a, b = socket.socketpair()
    made = End(a), End(b)
    yield made
    for end in made:
        end.pair.close()


@pytest.fixture
async def lone() -> AsyncIterator[tuple[End, socket.socket]]:
    """An end whose other one does nothing by itself."""
    a, b = socket.socketpair()
    end = End(a)
    yield end, b
    end.pair.close()
    b.close()


async def test_sound_signals_and_messages_cross_both_ways(ends: tuple[End, End]) -> None:
    media, bot = ends
    media.pair.sound(Kind.HEARD, PCM, 16_000)
    media.pair.signal(Kind.SILENCE)
    bot.pair.message({"t": "ready"})
    await until(lambda: len(bot.frames) == 2 and len(media.frames) == 1, "all has come")
    assert bot.frames == [Frame(Kind.HEARD, PCM, 16_000), Frame(Kind.SILENCE)]
    assert media.frames[0].message() == {"t": "ready"}


async def test_what_comes_at_once_is_taken_in_turns_and_in_order(lone: tuple[End, socket.socket]) -> None:
    end, other = lone
    frames = [encode(Kind.MESSAGE, str(n).encode()) for n in range(1_000)]
    other.sendall(b"".join(frames))
    most, before = 0, 0
    while len(end.frames) < len(frames):
        await asyncio.sleep(0)
        most, before = max(most, len(end.frames) - before), len(end.frames)
    assert most <= 2 * module.MOST_FRAMES  # a turn of ours may be two of the loop's
    assert [frame.body for frame in end.frames] == [str(n).encode() for n in range(1_000)]


async def test_what_takes_long_is_taken_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SECONDS", 0.0005)
    a, b = socket.socketpair()
    taken: list[Frame] = []

    def take(frame: Frame) -> None:
        taken.append(frame)
        time.sleep(0.001)

    pair = Pair(a, take, lambda _: None)
    b.sendall(encode(Kind.CLEAR) * 10)
    turns = 0
    while len(taken) < 10:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 9
    pair.close()
    b.close()


async def test_the_other_end_may_not_have_more_than_its_share_of_a_core() -> None:
    a, b = socket.socketpair()
    b.setblocking(False)
    spent = 0.0

    def work(_frame: Frame) -> None:
        nonlocal spent
        began = time.thread_time()
        while time.thread_time() < began + 0.002:
            pass
        spent += 0.002

    pair = Pair(a, work, lambda _: None, budget=2 << 20)
    b.send(encode(Kind.CLEAR) * 1_000)
    began = time.monotonic()
    await until(lambda: spent >= 2.5 * module.MOST_CPU, "it has had it two seconds long")
    assert time.monotonic() - began > 1.0
    pair.close()
    b.close()


async def test_an_end_whose_frame_fails_is_read_on() -> None:
    a, b = socket.socketpair()
    taken: list[Frame] = []
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)

    def take(frame: Frame) -> None:
        taken.append(frame)
        if len(taken) == 1:
            raise ZeroDivisionError

    pair = Pair(a, take, lambda _: None)
    b.sendall(encode(Kind.CLEAR) * 3)
    await until(lambda: len(taken) == 3, "the others are taken")
    pair.close()
    b.close()


async def test_of_sound_that_nobody_reads_the_oldest_is_dropped_and_messages_are_not(
    lone: tuple[End, socket.socket],
) -> None:
    end, other = lone
    end.pair.message({"n": "first"})
    count = 0
    while end.pair.dropped < 10:  # the system's buffer takes some of them
        count += 1
        end.pair.sound(Kind.HEARD, count.to_bytes(2, "little") * 320, 16_000)
    end.pair.message({"n": "last"})
    reader = Reader()
    got: list[Frame] = []
    other.setblocking(False)
    while not (got and got[-1].kind is Kind.MESSAGE and len(got) > 1):
        got += reader.feed(await asyncio.get_running_loop().sock_recv(other, 1 << 16))
    sounds = [int.from_bytes(f.body[:2], "little") for f in got if f.kind is Kind.HEARD]
    assert [f.message()["n"] for f in got if f.kind is Kind.MESSAGE] == ["first", "last"]
    assert len(sounds) == count - end.pair.dropped
    assert sounds[-MAX_SOUND_WAITING:] == list(range(count - MAX_SOUND_WAITING + 1, count + 1))


async def test_an_end_that_reads_no_messages_is_given_up(
    lone: tuple[End, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    end, _ = lone
    monkeypatch.setattr(module, "MAX_WAITING", 100_000)
    for _ in range(1_000):
        end.pair.message({"x": "a" * 1_000})
    assert end.pair.closed
    assert len(end.reasons) == 1
    assert "has not read" in end.reasons[0]


async def test_an_end_that_sends_nonsense_is_given_up(lone: tuple[End, socket.socket]) -> None:
    end, other = lone
    other.send(encode(Kind.SAID, PCM, 16_000) + b"nonsense" * 4)
    await until(lambda: bool(end.reasons), "it is given up")
    assert "no frame of kind" in end.reasons[0]
    assert end.pair.closed


async def test_what_may_not_be_sent_by_that_end_breaks_it_too() -> None:
    a, b = socket.socketpair()
    reasons: list[str] = []

    def refuse(frame: Frame) -> None:
        raise FrameError(f"no {frame.kind.name} from you")

    pair = Pair(a, refuse, reasons.append)
    b.send(encode(Kind.CLEAR))
    await until(lambda: reasons == ["no CLEAR from you"], "it is broken")
    pair.close()
    b.close()


async def test_an_end_that_is_gone_is_told_once_and_written_to_no_more(
    lone: tuple[End, socket.socket],
) -> None:
    end, other = lone
    other.close()
    await until(lambda: bool(end.reasons), "its end is seen")
    end.pair.sound(Kind.HEARD, PCM, 16_000)
    end.pair.close()
    assert len(end.reasons) == 1


async def test_what_an_end_said_last_is_taken_though_it_can_be_told_nothing_more(
    lone: tuple[End, socket.socket],
) -> None:
    end, other = lone
    end.pair.signal(Kind.BEAT)  # stays unread, as what a bot is told while it fails
    other.sendall(encode(Kind.CLEAR))
    other.close()
    end.pair.signal(Kind.BEAT)
    await until(lambda: bool(end.reasons), "its end is seen")
    assert end.frames == [Frame(Kind.CLEAR)]
    assert len(end.reasons) == 1
    assert end.pair.closed


async def test_an_end_that_only_stops_reading_is_gone_too(
    lone: tuple[End, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    end, other = lone
    monkeypatch.setattr(module, "LAST_WORDS_SECONDS", 0.01)
    other.shutdown(socket.SHUT_RD)
    end.pair.signal(Kind.BEAT)
    await until(lambda: bool(end.reasons), "its end is seen")
    assert end.pair.closed


async def test_it_can_be_closed_by_what_it_hands_on() -> None:
    a, b = socket.socketpair()
    taken: list[Frame] = []

    def take(frame: Frame) -> None:
        taken.append(frame)
        pair.close()

    pair = Pair(a, take, lambda reason: taken.append(Frame(Kind.MESSAGE, reason.encode())))
    b.send(encode(Kind.CLEAR) * 3)
    await until(lambda: bool(taken), "the first has come")
    assert taken == [Frame(Kind.CLEAR)]
    b.close()
