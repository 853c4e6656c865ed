"""Two channels over a real socket pair."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import BY_CODE, BadRequest, Busy, GatewayError, NoAudio
from gateway.wire.ipc import MAX_LINE, Channel
from tests.support.waiting import until

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@dataclass
class Side:
    """One end: it answers by name, and keeps the events that it was told."""

    channel: Channel = field(init=False)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: bool = False

    async def handle(self, name: str, body: dict[str, Any]) -> Any:
        match name:
            case "echo":
                return body
            case "wait":
                await self._wait()
            case "fail":
                raise BY_CODE[body["code"]]("it failed", remedy="try this")
            case "break":
                raise ZeroDivisionError("by zero")
            case "odd":
                return {1, 2}
            case "much":
                return "x" * MAX_LINE
        return None

    async def _wait(self) -> None:
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    async def open(self, sock: socket.socket) -> None:
        self.channel = await Channel.over(sock, handle=self.handle, on_event=self.note)

    def note(self, name: str, body: dict[str, Any]) -> None:
        if name == "break":
            raise ZeroDivisionError("by zero")
        self.events.append((name, body))


@dataclass
class Pair:
    a: Side
    b: Side
    raw: socket.socket


@contextlib.asynccontextmanager
async def paired() -> AsyncIterator[Pair]:
    ours, theirs = socket.socketpair()
    pair = Pair(Side(), Side(), theirs)
    await pair.a.open(ours)
    await pair.b.open(theirs)
    running = [asyncio.create_task(side.channel.run()) for side in (pair.a, pair.b)]
    try:
        yield pair
    finally:
        for side in (pair.a, pair.b):
            side.channel._writer.close()
        await asyncio.gather(*running)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with paired() as found:
        yield found


async def test_a_request_is_answered(pair: Pair) -> None:
    assert await pair.a.channel.request("echo", {"x": [1, "\u00fc", None]}, 10) == {"x": [1, "\u00fc", None]}


async def test_both_sides_may_ask_at_once(pair: Pair) -> None:
    sides = [pair.a, pair.b] * 20
    answers = await asyncio.gather(*(s.channel.request("echo", {"i": i}, 10) for i, s in enumerate(sides)))
    assert answers == [{"i": i} for i in range(40)]


async def test_a_slow_answer_holds_no_other_up(pair: Pair) -> None:
    slow = asyncio.create_task(pair.a.channel.request("wait", {}, 30))
    assert await pair.a.channel.request("echo", {"x": 1}, 10) == {"x": 1}
    assert not slow.done()
    pair.b.release.set()
    assert await slow is None


@pytest.mark.parametrize("code", BY_CODE)
async def test_an_error_of_ours_crosses_as_itself(pair: Pair, code: str) -> None:
    with pytest.raises(GatewayError, match="it failed") as caught:
        await pair.a.channel.request("fail", {"code": code}, 10)
    assert type(caught.value) is BY_CODE[code]
    assert caught.value.remedy == "try this"


async def test_another_error_is_an_internal_one_that_says_what_it_was(pair: Pair) -> None:
    with pytest.raises(GatewayError, match="ZeroDivisionError: by zero") as caught:
        await pair.a.channel.request("break", {}, 10)
    assert caught.value.code == "internal"


async def test_an_answer_that_json_cannot_hold_is_an_error_at_once(pair: Pair) -> None:
    with pytest.raises(GatewayError, match="set") as caught:
        await pair.a.channel.request("odd", {}, 10)
    assert caught.value.code == "internal"


async def test_no_answer_in_time_is_busy(pair: Pair) -> None:
    with pytest.raises(Busy, match=r"within 0\.05 s"):
        await pair.a.channel.request("wait", {}, 0.05)


async def test_an_answer_after_its_time_is_dropped(pair: Pair) -> None:
    with pytest.raises(Busy):
        await pair.a.channel.request("wait", {}, 0.01)
    pair.b.release.set()
    assert await pair.a.channel.request("echo", {"still": "well"}, 10) == {"still": "well"}
    assert pair.a.channel._waiting == {}


async def test_events_come_in_order(pair: Pair) -> None:
    for i in range(100):
        pair.a.channel.event("beat", {"i": i})
    await until(lambda: len(pair.b.events) == 100, "all events have come")
    assert [body["i"] for _, body in pair.b.events] == list(range(100))


async def test_a_line_of_text_that_ascii_would_blow_up_is_passed_on(pair: Pair) -> None:
    text = 250_000 * "\x7f"
    assert await pair.a.channel.request("echo", {"x": text}, 10) == {"x": text}


async def test_half_a_character_crosses_beside_others(pair: Pair) -> None:
    text = "\ud800 and \u00fc"
    assert await pair.a.channel.request("echo", {"x": text}, 10) == {"x": text}


async def test_what_is_too_long_is_left_out_and_nothing_else(pair: Pair) -> None:
    pair.a.channel.event("long", {"x": "x" * MAX_LINE})
    pair.a.channel.event("short", {})
    with pytest.raises(BadRequest, match="too long"):
        await pair.a.channel.request("echo", {"x": "x" * MAX_LINE}, 10)
    with pytest.raises(GatewayError, match="too long"):
        await pair.a.channel.request("much", {}, 10)
    assert pair.b.events == [("short", {})]


async def test_an_event_that_fails_costs_only_itself(pair: Pair) -> None:
    pair.a.channel.event("break", {})
    pair.a.channel.event("beat", {})
    await until(lambda: pair.b.events == [("beat", {})], "the next one has come")


async def test_what_waits_fails_when_the_other_side_is_gone(pair: Pair) -> None:
    waiting = asyncio.create_task(pair.a.channel.request("wait", {}, 30))
    await until(lambda: bool(pair.b.channel._answering), "the request has come")
    pair.b.channel._writer.close()
    with pytest.raises(Busy, match="gone"):
        await waiting


async def test_what_answers_is_cancelled_when_the_asker_is_gone(pair: Pair) -> None:
    waiting = asyncio.create_task(pair.a.channel.request("wait", {}, 30))
    await until(lambda: bool(pair.b.channel._answering), "the request has come")
    pair.a.channel._writer.close()
    await until(lambda: pair.b.cancelled, "the answer was given up")
    with pytest.raises(Busy):
        await waiting


async def test_a_closed_channel_is_busy_and_takes_events_silently(pair: Pair) -> None:
    pair.b.channel._writer.close()
    await asyncio.wait_for(pair.a.channel.closed.wait(), 10)
    with pytest.raises(Busy):
        await pair.a.channel.request("echo", {}, 10)
    pair.a.channel.event("beat", {})


@pytest.mark.parametrize(
    "line",
    [b"nonsense\n", b"\xff\xfe\n", b"[]\n", b"7\n", b"{}\n", b'{"event": "x"}\n',
     b"x" * (MAX_LINE + 2)],
)  # fmt: skip
async def test_what_is_no_message_closes_the_channel(line: bytes) -> None:
    ours, theirs = socket.socketpair()
    side = Side()
    await side.open(ours)
    running = asyncio.create_task(side.channel.run())
    waiting = asyncio.create_task(side.channel.request("wait", {}, 30))
    _, writer = await asyncio.open_connection(sock=theirs)
    writer.write(line)
    await asyncio.wait_for(running, 30)
    with pytest.raises(Busy, match="gone"):
        await waiting
    writer.close()


@given(JSON)
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow], deadline=None)
async def test_any_json_crosses_unchanged(value: Any) -> None:
    async with paired() as pair:
        assert await pair.a.channel.request("echo", {"value": value}, 10) == {"value": value}


def test_no_audio_is_known_by_its_code() -> None:
    assert BY_CODE["no_audio"] is NoAudio
