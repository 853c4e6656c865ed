"""The calls of one process."""

from __future__ import annotations

import pytest

from gateway.errors import Busy
from gateway.media.here import BotsHere
from gateway.media.host import Host
from gateway.settings import Settings
from gateway.wire.calls import OfferCall
from tests.support.offers import captured

CALL = OfferCall(
    session_id="s1",
    sdp=captured("libpeer"),
    type="offer",
    client="device",  # type: ignore[arg-type]
    device="kitchen",
    bot="echo",
    address="127.0.0.1",
    remote="127.0.0.1",
)


async def test_an_id_that_has_a_call_has_no_other() -> None:
    settings = Settings(bot="echo")
    bots = BotsHere(settings)
    await bots.start()
    host = Host(settings, lambda _: None, bots)
    try:
        answer = await host.offer(CALL)
        with pytest.raises(Busy):
            await host.offer(CALL)
        assert [session.pc_id for session in host.calls] == [answer.pc_id]
    finally:
        await host.drain("stopping")
