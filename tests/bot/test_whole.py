"""A whole connection in the bot's process: who ends the call is told."""

from __future__ import annotations

import asyncio
import socket

from gateway.bot.whole import WholeConnection
from gateway.wire import talk
from gateway.wire.frames import Frame, Kind
from gateway.wire.pair import Pair
from tests.support.waiting import until


async def told_at_the_end(*, asked: bool) -> list[str]:
    """What the media are told when a connection ends: asked by them, or by the bot."""
    ours, theirs = socket.socketpair()
    told: list[str] = []

    def take(frame: Frame) -> None:
        if frame.kind is Kind.MESSAGE:
            told.append(frame.message()["t"])

    gone = asyncio.Event()
    media = Pair(ours, take, lambda _: gone.set())
    connection = WholeConnection()
    pair = Pair(theirs, connection.take, lambda _: None)
    connection.attach(pair)
    serving = asyncio.create_task(connection.serve())
    if asked:
        media.message(talk.Close().model_dump(mode="json"))
        await until(lambda: connection._told_to_end, "the connection was told")
        await until(lambda: connection.pc.connectionState == "closed", "it is closed")
    else:
        await connection.disconnect()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    pair.close()
    await gone.wait()
    media.close()
    return told


async def test_a_bot_that_hangs_up_says_so() -> None:
    assert (await told_at_the_end(asked=False))[0] == "hang_up"


async def test_one_that_was_told_to_end_does_not() -> None:
    assert "hang_up" not in await told_at_the_end(asked=True)
