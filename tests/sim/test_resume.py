"""A device whose network was gone goes on in the same conversation."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.device import device
from tests.support.gateway import BOTS, serving
from tests.support.middle import between
from tests.support.waiting import until

READY = "the bot has a message: client-ready"


async def test_a_device_takes_its_call_up_again(tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "gateway", {"bot": str(BOTS / "counts.py")}) as gateway,
        between(gateway.url) as middle,
        device(tmp_path / "device", url=middle.url) as own,
    ):
        await own.live()
        await gateway.logged(READY)
        [before] = await gateway.sessions()
        for _ in range(2):
            own.events.clear()
            middle.cut()
            await own.fails("gateway_silent", 30)
            await own.live()
            await own.hears(500)
        [after] = await gateway.sessions()
        assert after["id"] == before["id"]
        offers = [json.loads(r.split(b"\r\n\r\n", 1)[1]) for r in middle.requests if r.startswith(b"POST")]
        assert "pc_id" not in offers[0]
        assert len(offers) >= 3
        assert all(offer["restart_pc"] for offer in offers[1:])

        own.events.clear()
        await own.ask("reconnect")
        await until(lambda: gateway.log().count(READY) >= 2, "a new call meets its bot")
        assert await gateway.ended() == ["client_left"]
        assert gateway.log().count(READY) == 2
