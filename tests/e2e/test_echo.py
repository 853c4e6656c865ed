"""Real calls of a stock aiortc peer to a real gateway process on loopback."""

from __future__ import annotations

import json

import pytest

from gateway.wire import sdp
from gateway.wire.sdp_lint import lint
from tests.support import certificate
from tests.support.gateway import GatewayProcess, client
from tests.support.peer import Peer, calling
from tests.support.waiting import eventually


async def test_a_tone_comes_back_at_its_pitch(echo: GatewayProcess) -> None:
    async with calling(echo.url, hertz=523.0) as peer:
        await peer.hears(523.0)


async def test_a_browser_gets_its_tone_back_too(echo: GatewayProcess) -> None:
    async with calling(echo.url, hertz=523.0, request_data=None) as peer:
        assert "stereo=1" in peer.answer["sdp"] or "opus/48000/2" in peer.answer["sdp"]
        await peer.hears(523.0)


async def test_a_device_gets_an_answer_without_faults(echo: GatewayProcess) -> None:
    async with calling(echo.url) as peer:
        assert lint(peer.answer["sdp"]) == []


async def test_a_device_gets_a_reply_of_less_than_4096_bytes(echo: GatewayProcess) -> None:
    async with Peer(echo.url) as peer:
        response = await peer.post(await peer.offer())
        await peer.take(response)
        assert len(response.content) < 4_096
        assert "content-length" in response.headers
        await peer.connected()


async def test_a_device_gets_one_candidate_the_address_it_came_in_on(echo: GatewayProcess) -> None:
    async with calling(echo.url) as peer:
        candidates = sdp.parse(peer.answer["sdp"]).candidates
        assert [(c.transport, c.address, c.type) for c in candidates] == [("udp", "127.0.0.1", "host")]


async def test_the_state_shows_a_call_and_its_media(echo: GatewayProcess) -> None:
    async with calling(echo.url, request_data={"device": {"id": "kitchen", "board": "test"}}) as peer:
        await peer.hears()
        [session] = await echo.sessions()
        assert (session["device"], session["client"], session["state"]) == ("kitchen", "device", "live")

        async def measured() -> bool:
            [session] = await echo.sessions()
            return session["media"]["rtt_ms"] is not None

        await eventually(measured, "the round trip is measured")


async def test_a_client_that_leaves_ends_its_session(echo: GatewayProcess) -> None:
    async with calling(echo.url):
        pass
    assert await echo.ended() == ["client_left"]


@pytest.mark.parametrize("request_data", [None, {"device": {}}], ids=["browser", "device"])
async def test_trickled_candidates_connect_a_call(echo: GatewayProcess, request_data: object) -> None:
    async with Peer(echo.url, request_data=request_data) as peer:
        offer = await peer.offer()
        lines = offer.split("\r\n")
        trickled = [line for line in lines if line.startswith("a=candidate")]
        bare = "\r\n".join(x for x in lines if x not in trickled and x != "a=end-of-candidates")
        await peer.take(await peer.post(bare))
        items = [
            {"candidate": line.removeprefix("a="), "sdp_mid": "0", "sdp_mline_index": 0} for line in trickled
        ]
        body = {"pc_id": peer.answer["pc_id"], "candidates": items}
        response = await peer.http.patch("/api/offer", json=body)
        assert (response.status_code, response.json()) == (200, {"status": "success"})
        await peer.connected()
        await peer.hears()


async def test_start_reserves_a_session_for_the_offer_that_follows(echo: GatewayProcess) -> None:
    async with Peer(echo.url) as peer:
        session_id = (await peer.http.post("/start", json={"body": {"a": 1}})).json()["sessionId"]
        await peer.connect(path=f"/sessions/{session_id}/api/offer")
        await peer.hears()
        assert [s["id"] for s in await echo.sessions()] == [session_id]


async def test_a_session_that_nobody_reserved_is_a_new_call(echo: GatewayProcess) -> None:
    async with Peer(echo.url) as peer:
        await peer.connect(path="/sessions/0123456789abcdef/api/offer", pc_id="gone", restart_pc=True)
        await peer.hears()
        assert "resumed" not in peer.answer


async def test_an_offer_by_pc_id_renegotiates_the_same_call(echo: GatewayProcess) -> None:
    async with calling(echo.url) as peer:
        await peer.hears()
        pc_id = peer.answer["pc_id"]
        await peer.take(await peer.post(await peer.offer(), pc_id=pc_id))
        assert peer.answer["pc_id"] == pc_id
        await peer.heard_more(1)
        await peer.hears()
        assert len(await echo.sessions()) == 1


async def test_restart_pc_goes_on_over_a_new_connection(echo: GatewayProcess) -> None:
    async with calling(echo.url) as peer:
        await peer.hears()
        [before] = await echo.sessions()
        await peer.restart()
        await peer.heard_more(1)
        await peer.hears()
        [after] = await echo.sessions()
        assert (after["id"], after["state"]) == (before["id"], "live")


async def test_an_unknown_pc_id_makes_a_new_call(echo: GatewayProcess) -> None:
    async with Peer(echo.url) as peer:
        await peer.connect(pc_id="SmallWebRTCConnection#0-ffff", restart_pc=True)
        await peer.hears()


async def test_events_tell_a_page_of_a_call(echo: GatewayProcess) -> None:
    async with client(echo.url) as http, http.stream("GET", "/api/events") as stream:
        lines = stream.aiter_lines()
        async with calling(echo.url):
            kinds = set()
            async for line in lines:
                if line.startswith("event: "):
                    kinds.add(line.removeprefix("event: "))
                if line.startswith("data: ") and json.loads(line[6:]).get("state") == "live":
                    break
        assert "session" in kinds
        async for line in lines:
            if line == "event: ended":
                break


async def test_a_device_with_a_certificate_of_old_mbedtls_connects(echo: GatewayProcess) -> None:
    async with calling(echo.url, prepare=certificate.present) as peer:
        assert certificate.fingerprint() in peer.pc.localDescription.sdp
        await peer.hears()


async def test_a_client_with_another_certificate_than_its_offers_does_not_connect(
    echo: GatewayProcess,
) -> None:
    async with Peer(echo.url) as peer:
        text = await peer.offer()
        fingerprint = next(line for line in text.split("\r\n") if line.startswith("a=fingerprint:sha-256 "))
        await peer.take(
            await peer.post(text.replace(fingerprint, "a=fingerprint:sha-256 " + certificate.fingerprint()))
        )
        assert await echo.ended() == ["connect_failed"]
        assert peer.ear.seconds == 0
