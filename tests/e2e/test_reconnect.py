"""A call whose client fell silent waits for it, and goes on with the same bot."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.gateway import BOTS, GatewayProcess, serving
from tests.support.offers import captured
from tests.support.peer import DEVICE, Peer, calling, vanish
from tests.support.waiting import eventually, until

SOON = {"vanish_timeout_s": 3.0, "connect_timeout_s": 15.0, "offers_per_minute": 6_000}
KINDS = pytest.mark.parametrize("request_data", [None, DEVICE], ids=["browser", "device"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _patient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    settings = {"bot": str(BOTS / "counts.py"), "limits": {**SOON, "reconnect_timeout_s": 600.0}}
    async with serving(tmp_path_factory.mktemp("patient"), settings) as started:
        yield started


@pytest.fixture
async def patient(_patient: GatewayProcess) -> AsyncIterator[GatewayProcess]:
    """A gateway that soon misses a client and waits for it; without sessions before and after."""
    await _patient.idle()
    _patient.forget_log()
    yield _patient
    await _patient.idle()


async def counted(peer: Peer) -> int:
    """How many messages its bot has had, with the one that asks."""
    peer.messages.clear()
    peer.send(json.dumps({"type": "count"}))
    await until(lambda: any(m.get("type") == "count" for m in peer.messages), "the bot answers")
    return next(int(m["data"]) for m in peer.messages if m.get("type") == "count")


async def is_away(gateway: GatewayProcess) -> None:
    async def away() -> bool:
        return [s["state"] for s in await gateway.sessions()] == ["away"]

    await eventually(away, "the client is missed")


@KINDS
@pytest.mark.parametrize("path", ["/api/offer", "/sessions/{}/api/offer"])
async def test_its_owner_takes_a_call_up_again(
    patient: GatewayProcess, request_data: object, path: str
) -> None:
    async with Peer(patient.url, request_data=request_data) as peer:
        if "{}" in path:
            path = path.format((await peer.http.post("/start", json={})).json()["sessionId"])
        await peer.connect(path=path)
        assert await counted(peer) == 1
        [before] = await patient.sessions()
        vanish(peer.pc)
        await is_away(patient)

        await peer.restart(path=path)
        assert peer.answer["resumed"] is True
        await peer.hears()
        assert await counted(peer) == 2
        [after] = await patient.sessions()
        assert (after["id"], after["state"]) == (before["id"], "live")
    assert await patient.ended() == ["client_left"]


async def test_a_client_that_did_not_hear_the_answer_asks_again(patient: GatewayProcess) -> None:
    async with calling(patient.url) as peer:
        assert await counted(peer) == 1
        vanish(peer.pc)
        unheard = await peer.post(captured("libpeer"), pc_id=peer.answer["pc_id"], restart_pc=True)
        assert unheard.json()["pc_id"] != peer.answer["pc_id"]
        await is_away(patient)  # nothing came of that connection

        await peer.restart()
        assert await counted(peer) == 2


async def test_a_call_that_is_waited_for_is_replaced_by_a_new_one(patient: GatewayProcess) -> None:
    identity = {"device": {"id": "kitchen"}}
    async with calling(patient.url, request_data=identity) as first:
        await first.hears()
        vanish(first.pc)
        await is_away(patient)
        async with calling(patient.url, request_data=identity) as second:
            assert await counted(second) == 1
            assert await patient.ended() == ["replaced"]


async def test_a_client_that_is_heard_again_was_not_away_for_long(patient: GatewayProcess) -> None:
    async with calling(patient.url) as peer:
        await peer.hears()
        silenced = [t.receiver.transport.transport._connection for t in peer.pc.getTransceivers()]
        stock = [(p, p.transport.sendto) for ice in silenced for p in ice._protocols]
        for protocol, _ in stock:
            protocol.transport.sendto = lambda *_: None  # type: ignore[method-assign]
        await is_away(patient)
        for protocol, sendto in stock:
            protocol.transport.sendto = sendto  # type: ignore[method-assign]
        await patient.logged("its client is back")
        assert await counted(peer) == 1
        await peer.hears()


async def test_nobody_is_waited_for_longer_than_was_set(tmp_path: Path) -> None:
    settings = {"limits": {**SOON, "reconnect_timeout_s": 1.0}}
    async with serving(tmp_path, settings) as gateway, calling(gateway.url) as peer:
        await peer.hears()
        vanish(peer.pc)
        await gateway.logged("it may come back within 1 s")
        assert await gateway.ended() == ["vanished"]
        answer = await peer.post(captured("libpeer"), pc_id=peer.answer["pc_id"], restart_pc=True)
        assert "resumed" not in answer.json()  # it is a new call


# -- signs of life


async def test_a_client_that_sends_nothing_but_consent_lives_on(echo: GatewayProcess) -> None:
    """A page that only listens; aiortc's reports of each second, which browsers send seldom, are kept back."""

    async def nothing(_data: bytes) -> None: ...

    async with Peer(echo.url, data_channel=False, request_data=None) as peer:
        await peer.connect()
        await peer.heard_more(0.5)
        for transceiver in peer.pc.getTransceivers():
            transceiver.receiver.transport._send_rtp = nothing  # type: ignore[method-assign,assignment]
        await peer.heard_more(7)  # longer than a silent client is taken to be there
        assert [s["state"] for s in await echo.sessions()] == ["live"]
        assert "nothing is heard" not in echo.log()
