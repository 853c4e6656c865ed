"""What strangers can do to the gateway's log: not much."""

from __future__ import annotations

import json

from gateway.flood import EACH_BURST
from tests.support.gateway import GatewayProcess
from tests.support.peer import calling
from tests.support.waiting import eventually

FORGED = "\n12:00:00.000 INFO    w0 - all is well\x1b[2J\u202e"
MANY = 150


def update(number: int) -> str:
    d = {"state": "downloading", "percent": number, **{f"n{i}\x1b[2J\n": FORGED * 9 for i in range(2)}}
    return json.dumps(
        {
            "label": "rtvi-ai",
            "type": "client-message",
            "id": str(number),
            "data": {"t": "device-update", "d": d},
        }
    )


def must_be_sound(log: str) -> None:
    """Nothing but printable lines, none of which a stranger has made up."""
    assert log.replace("\n", "").isprintable()
    assert not any(line.startswith("12:00:00.000") for line in log.splitlines())


async def test_a_device_cannot_flood_or_forge_the_log(echo: GatewayProcess) -> None:
    async with calling(echo.url) as peer:
        for number in range(MANY):
            peer.send(update(number))

        async def all_came() -> bool:
            reports = (await echo.state())["reports"]
            return bool(reports) and reports[-1]["data"]["percent"] == MANY - 1

        await eventually(all_came, "all reports have come")
        told = [line for line in echo.log().splitlines() if "updates itself" in line]
        [session] = await echo.sessions()
    assert EACH_BURST <= len(told) < MANY / 2
    assert all(f" {session['id']} " in line for line in told)
    assert max(map(len, told)) < 3_000
    must_be_sound(echo.log())
    assert await echo.ended() == ["client_left"]
