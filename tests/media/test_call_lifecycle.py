"""A call that is ended, restarted or given up at an awkward moment leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from aiortc import RTCPeerConnection

from gateway.errors import Busy
from gateway.media.ears import Ears
from gateway.media.here import BotsHere
from gateway.media.session import Session
from gateway.media.states import State
from gateway.rtc.connection import GatewayConnection, MediaConnection
from gateway.sections import BotLimits
from gateway.settings import Settings
from gateway.wire.calls import OfferCall, RenegotiateCall
from gateway.wire.ipc import Channel
from tests.support.offers import captured
from tests.support.waiting import PATIENCE, until

STUBBORN = """
import asyncio
import contextlib
async def bot(runner_args):
    for _ in range(3):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
"""
RESTART = RenegotiateCall(
    session_id="s1", sdp=captured("libpeer"), type="offer", restart_pc=True, address="127.0.0.1"
)


@pytest.fixture
def connections() -> Iterator[list[RTCPeerConnection]]:
    """Every peer connection that is made."""
    made: list[RTCPeerConnection] = []
    initialize: Callable[[GatewayConnection], None] = GatewayConnection._initialize

    def noted(self: GatewayConnection) -> None:
        initialize(self)
        made.append(self._pc)

    with mock.patch.object(GatewayConnection, "_initialize", noted):
        yield made


@pytest.fixture
async def new(connections: list[RTCPeerConnection]) -> AsyncIterator[Callable[..., Session]]:
    before = asyncio.all_tasks()

    def make(bot: str = "echo") -> Session:
        call = OfferCall(
            session_id="s1",
            sdp=captured("libpeer"),
            type="offer",
            client="device",  # type: ignore[arg-type]
            device="kitchen",
            bot=bot,
            address="127.0.0.1",
            remote="127.0.0.1",
        )
        settings = Settings(bot_limits=BotLimits(end_s=0.2 if bot != "echo" else 5.0))
        return Session(call, settings, lambda _: None, BotsHere(settings), Ears(settings))

    yield make
    assert all(pc.connectionState == "closed" for pc in connections)
    left = [t for t in asyncio.all_tasks() - before if t.get_name().startswith(("bot-", "seat-", "watch-"))]
    for task in left:
        task.cancel()
    assert left == []


def running(name: str) -> list[asyncio.Task[Any]]:
    """The tasks of this name."""
    return [t for t in asyncio.all_tasks() if t.get_name() == name]


def when_answered(session: Session, then: Callable[[], Any]) -> None:
    """Do something at the last moment of a negotiation."""
    assert isinstance(session._connection, MediaConnection)
    answer = session._connection._create_answer

    async def answered(sdp: str, type: str) -> None:  # noqa: A002 -- Pipecat's name
        await answer(sdp, type)
        then()

    session._connection._create_answer = answered  # type: ignore[method-assign]


async def test_a_call_that_is_ended_while_it_is_answered_says_so(new: Callable[..., Session]) -> None:
    session = new()
    when_answered(session, lambda: session.end("stopping"))
    with pytest.raises(Busy, match="has ended: stopping"):
        await session.start()
    assert session.state is State.ENDED


async def test_a_call_that_is_ended_before_its_connection_is_there_says_so(
    new: Callable[..., Session],
) -> None:
    session = new()
    starting = asyncio.create_task(session.start())
    await asyncio.sleep(0)
    await session.close("stopping")
    with pytest.raises(Busy):
        await starting


async def test_a_start_that_nobody_waits_for_ends_the_call(new: Callable[..., Session]) -> None:
    session = new()
    starting: list[asyncio.Task[Any]] = []
    when_answered(session, lambda: starting[0].cancel())  # noqa: PLW0108 -- it is not there yet
    starting.append(asyncio.create_task(session.start()))
    with pytest.raises(asyncio.CancelledError):
        await starting[0]
    assert session.state is State.ENDED


async def test_two_restarts_at_once_come_one_after_the_other(new: Callable[..., Session]) -> None:
    session = new()
    await session.start()
    answers = await asyncio.gather(session.renegotiate(RESTART), session.renegotiate(RESTART))
    assert answers[0].pc_id != answers[1].pc_id == session.pc_id
    await session.close("client_left")


async def test_a_call_that_ends_while_it_restarts_leaves_no_connection(new: Callable[..., Session]) -> None:
    session = new()
    await session.start()
    when_answered(session, lambda: session.end("client_left"))
    with pytest.raises(Busy, match="client_left"):
        await session.renegotiate(RESTART)
    await session.close("client_left")


async def test_a_call_whose_bot_resists_cancellation_ends_all_the_same(
    new: Callable[..., Session], tmp_path: Path
) -> None:
    path = tmp_path / "stubborn.py"
    path.write_text(STUBBORN)
    session = new(str(path))
    await session.start()
    await until(lambda: bool(running("bot-s1")), "the bot has begun")
    await session.close("client_left")
    assert session.state is State.ENDED
    [bot] = running("bot-s1")
    bot.cancel()
    await asyncio.wait({bot})


async def test_a_call_that_cannot_be_followed_ends(new: Callable[..., Session]) -> None:
    session = new()
    with mock.patch.object(
        session._connection, "signs_of_life", side_effect=RuntimeError("nothing to look at")
    ):
        await session.start()
        await until(lambda: session.state is State.ENDED, "the session has ended")
    assert session.reason == "failed"


async def test_a_second_section_of_data_is_rejected_and_costs_nothing_else(
    new: Callable[..., Session],
) -> None:
    session = new()
    data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=sctp-port:5000\r\n"
    twice = captured("libpeer") + data + "a=mid:2\r\na=ice-ufrag:abcd\r\na=ice-pwd:" + "p" * 24 + "\r\n"
    session.call = session.call.model_copy(update={"sdp": twice})
    answer = await session.start()
    assert [line.split()[1] == "0" for line in answer.sdp.splitlines() if line[:2] == "m="] == [
        False,
        False,
        True,
    ]
    await session.close("client_left")


async def test_what_nobody_waits_for_is_cancelled_on_the_other_side() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work(_name: str, _body: dict[str, Any]) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    one, other = socket.socketpair()
    asking = await Channel.over(one, handle=work, on_event=lambda *_: None)
    working = await Channel.over(other, handle=work, on_event=lambda *_: None)
    serving = [asyncio.create_task(c.run()) for c in (asking, working)]
    with pytest.raises(Busy, match="no answer within"):
        await asking.request("offer", {}, 0.05)
    await asyncio.wait_for(cancelled.wait(), PATIENCE)

    begun.clear()
    cancelled.clear()
    request = asyncio.create_task(asking.request("offer", {}, 60))
    await asyncio.wait_for(begun.wait(), PATIENCE)
    request.cancel()
    await asyncio.wait_for(cancelled.wait(), PATIENCE)
    assert working._answering == {}
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)
