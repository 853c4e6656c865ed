"""What clients, networks and strangers do to a gateway."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from gateway.wire import sdp
from tests.support.gateway import GatewayProcess, client, serving, voicegw
from tests.support.middle import between
from tests.support.offers import captured
from tests.support.peer import Peer, calling, gaps, vanish
from tests.support.waiting import eventually

LONGEST_GAP = 1.0


LIMITS = {
    "sessions": 2,
    "connect_timeout_s": 8.0,
    "offers_per_minute": 6_000,
    "vanish_timeout_s": 5.0,
    "reconnect_timeout_s": 0.0,
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    async with serving(tmp_path_factory.mktemp("hasty"), {"limits": LIMITS}) as started:
        yield started


@pytest.fixture
async def hasty(_hasty: GatewayProcess) -> AsyncIterator[GatewayProcess]:
    """A gateway that soon gives a silent client up, and takes few; without sessions before and after."""
    await _hasty.idle()
    _hasty.forget_log()
    yield _hasty
    await _hasty.idle()


def problem(response: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem+json response, whose form is checked."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail", "code", "remedy"}
    assert body["status"] == response.status_code
    assert body["type"] == f"urn:voicegw:error:{body['code']}"
    assert body["detail"]
    return response.status_code, body["code"]


def offer(text: str, **more: object) -> dict[str, object]:
    return {"sdp": text, "type": "offer", **more}


# -- clients


async def test_a_client_that_vanishes_is_forgotten(hasty: GatewayProcess) -> None:
    async with calling(hasty.url) as peer:
        await peer.hears()
        vanish(peer.pc)
        assert await hasty.ended() == ["vanished"]
        await hasty.idle()


async def test_a_browser_that_vanishes_is_forgotten(hasty: GatewayProcess) -> None:
    async with calling(hasty.url, request_data=None) as peer:
        await peer.hears()
        vanish(peer.pc)
        assert await hasty.ended() == ["vanished"]


async def test_a_client_that_never_connects_is_forgotten(hasty: GatewayProcess) -> None:
    async with client(hasty.url) as http:
        assert (await http.post("/api/offer", json=offer(captured("libpeer")))).status_code == 200
    assert await hasty.ended() == ["connect_timeout"]


async def test_a_restart_outlives_the_time_to_connect(hasty: GatewayProcess) -> None:
    async with calling(hasty.url) as peer:
        await peer.heard_more(LIMITS["connect_timeout_s"])
        await peer.restart()
        await peer.heard_more(LIMITS["connect_timeout_s"] + 1)
        await peer.hears()
        assert len(await hasty.sessions()) == 1


async def test_the_second_call_of_an_identity_replaces_the_first(echo: GatewayProcess) -> None:
    identity = {"device": {"id": "kitchen"}}
    async with calling(echo.url, hertz=440, request_data=identity) as first:
        await first.hears()
        async with calling(echo.url, hertz=660, request_data=identity) as second:
            await first.closed()
            assert first.error() == "replaced"
            await second.hears()
            assert len(await echo.sessions()) == 1


async def test_two_calls_of_an_identity_at_once_leave_one(hasty: GatewayProcess) -> None:
    identity = {"device": {"id": "kitchen"}}
    async with Peer(hasty.url, request_data=identity) as a, Peer(hasty.url, request_data=identity) as b:
        texts = await asyncio.gather(a.offer(), b.offer())
        answers = await asyncio.gather(a.post(texts[0]), b.post(texts[1]))
        assert [answer.status_code for answer in answers] == [200, 200]

        async def one() -> bool:
            return len(await hasty.sessions()) == 1

        await eventually(one, "one call is left")


async def test_a_browser_without_identity_replaces_nobody(echo: GatewayProcess) -> None:
    async with calling(echo.url, request_data=None), calling(echo.url, request_data=None):
        assert len(await echo.sessions()) == 2


async def test_a_client_without_a_data_channel_is_served(echo: GatewayProcess) -> None:
    async with Peer(echo.url, data_channel=False) as peer:
        await peer.connect()
        await peer.hears()


# -- the wire


def garbage(seed: int) -> list[bytes]:
    """Datagrams that no peer of ours would send: random, and damaged STUN, DTLS, RTP and RTCP."""
    source = random.Random(seed)  # noqa: S311 -- no secret
    stun = struct.pack("!HHL12s", 1, 8, 0x2112A442, source.randbytes(12)) + source.randbytes(8)
    found = [b"", b"\x00", b"\xff" * 1_400, stun, stun[:7], stun[:20], stun + b"\x00" * 1_000]
    found += [struct.pack("!HHL12s", 1, 0xFFFC, 0x2112A442, source.randbytes(12))]
    found += [struct.pack("!HHL12s", 0x0101, 0, 0x2112A442, source.randbytes(12))]
    found += [bytes([kind]) + b"\xfe\xfd" + source.randbytes(20) for kind in range(19, 65)]
    found += [
        b"\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff",
        b"\x15\xfe\xfd" + bytes(10) + b"\x02\x01\x00",
    ]
    found += [struct.pack("!BBHLL", 0x80, 111, 1, 2, 3) + source.randbytes(40)]
    found += [struct.pack("!BBHLL", 0xBF, 0xFF, 1, 2, 3), b"\x80\xc8\x00\x06" + source.randbytes(24)]
    found += [source.randbytes(source.randrange(1, 1_400)) for _ in range(200)]
    found += [bytes([first]) + source.randbytes(30) for first in range(256)]
    return found


async def test_garbage_on_the_wire_disturbs_no_call(echo: GatewayProcess) -> None:
    async with calling(echo.url) as peer:
        await peer.hears()
        [candidate] = sdp.parse(peer.answer["sdp"]).candidates
        before = peer.ear.seconds
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for datagram in garbage(1):
                stranger.sendto(datagram, (candidate.address, candidate.port))
        await peer.heard_more(2)
        assert gaps(peer.ear.since(before), peer.hertz) <= LONGEST_GAP + peer.late
        await peer.hears()
    assert "Traceback" not in echo.log()
    assert "exception was never retrieved" not in echo.log()


async def test_garbage_while_a_call_is_set_up_does_not_prevent_it(echo: GatewayProcess) -> None:
    async with Peer(echo.url) as peer:
        response = await peer.post(await peer.offer())
        [candidate] = sdp.parse(response.json()["sdp"]).candidates
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for datagram in garbage(3):
                stranger.sendto(datagram, (candidate.address, candidate.port))
            await peer.take(response)
            for datagram in garbage(4):
                stranger.sendto(datagram, (candidate.address, candidate.port))
                await asyncio.sleep(0)
            await peer.connected()
        await peer.hears()


async def test_garbage_from_the_peers_own_address_disturbs_no_call(echo: GatewayProcess) -> None:
    async with calling(echo.url) as peer:
        await peer.hears()
        pair = next(
            t.receiver.transport.transport._connection._nominated[1] for t in peer.pc.getTransceivers()
        )
        before = peer.ear.seconds
        for datagram in garbage(2):
            if datagram:
                pair.protocol.transport.sendto(datagram, pair.remote_addr)
        await peer.heard_more(2)
        assert gaps(peer.ear.since(before), peer.hertz) <= LONGEST_GAP + peer.late
        await peer.hears()
    assert "exception was never retrieved" not in echo.log()


MESSAGES: list[str | bytes] = [
    "ping",
    "",
    "nonsense",
    "{}",
    "[]",
    "7",
    '"x"',
    "null",
    '{"type": 7}',
    '{"label": "rtvi-ai"}',
    '{"label": "rtvi-ai", "type": "nonsense", "id": 7}',
    '{"type": "signalling", "message": 7}',
    '{"label":"rtvi-ai","type":"client-ready","id":"1","data":{"version":"9.9.9"}}',
    "x" * 60_000,
    b"\xff\x00",
]


@pytest.mark.parametrize("request_data", [None, {"device": {}}], ids=["browser", "device"])
async def test_no_message_can_end_a_call(echo: GatewayProcess, request_data: object) -> None:
    async with calling(echo.url, request_data=request_data) as peer:
        for message in MESSAGES:
            peer.send(message)
        await peer.heard_more(2)
        await peer.hears()
        assert len(await echo.sessions()) == 1


# -- offers


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "bad_request"),
        (b"nonsense", 422, "bad_request"),
        (b"[]", 422, "bad_request"),
        (b"{}", 422, "bad_request"),
        (b'{"sdp": 7, "type": "offer"}', 422, "bad_request"),
        (b'{"sdp": "v=0", "type": "answer"}', 422, "bad_request"),
        (b'{"sdp": "", "type": "offer"}', 422, "bad_offer"),
        (b'{"sdp": "v=0\\r\\n", "type": "offer"}', 422, "no_audio"),
        (b'{"sdp": "v=0\\r\\na=\\ud800\\r\\n", "type": "offer"}', 422, None),
        (b'{"sdp": "v=0\\r\\na=\\u0000\\r\\n", "type": "offer"}', 422, "bad_offer"),
        (b'{"sdp": "v=0", "type": "offer", "pc_id": 7}', 422, "bad_request"),
        (b"\xff\xfe", 422, "bad_request"),
        (b"[" * 20_000, 422, "bad_request"),
        (b"{\xff}", 422, "bad_request"),
    ],
)
async def test_a_bad_offer_is_answered_with_what_is_wrong(
    echo: GatewayProcess, body: bytes, status: int, code: str | None
) -> None:
    async with client(echo.url) as http:
        response = await http.post("/api/offer", content=body, headers={"content-type": "application/json"})
    assert problem(response) == (status, code or response.json()["code"])


@pytest.mark.parametrize("name", ["esp_peer_pcma", "esp_peer_opus_16000"])
async def test_an_offer_without_opus_is_refused(echo: GatewayProcess, name: str) -> None:
    async with client(echo.url) as http:
        response = await http.post("/api/offer", json=offer(captured(name)))
    assert problem(response) == (422, "no_audio")


async def test_an_offer_of_ten_thousand_lines_is_refused(echo: GatewayProcess) -> None:
    async with client(echo.url) as http:
        response = await http.post("/api/offer", json=offer("v=0\n" + "a=x\n" * 10_000))
    assert problem(response) == (422, "bad_offer")


async def test_a_body_of_65_kb_is_refused(echo: GatewayProcess) -> None:
    async with client(echo.url) as http:
        response = await http.post("/api/offer", json=offer("x" * 65_000))
    assert problem(response) == (413, "body_too_large")


async def test_a_chunked_body_of_65_kb_is_refused(echo: GatewayProcess) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"sdp": "'
        for _ in range(70):
            yield b"x" * 1_000
        yield b'", "type": "offer"}'

    async with client(echo.url) as http:
        response = await http.post(
            "/api/offer", content=pieces(), headers={"content-type": "application/json"}
        )
    assert problem(response) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "not_found"),
        ("DELETE", "/api/offer", 405, "bad_request"),
        ("GET", "/client/../../etc/passwd", 404, "not_found"),
        ("GET", "/web/%2e%2e/settings.py", 404, "not_found"),
        ("DELETE", "/api/devices/nobody", 404, "not_found"),
        ("PATCH", "/sessions/x/api/offer", 422, "bad_request"),
    ],
)
async def test_every_refusal_is_a_problem(
    echo: GatewayProcess, method: str, path: str, status: int, code: str
) -> None:
    async with client(echo.url) as http:
        assert problem(await http.request(method, path)) == (status, code)


async def test_candidates_of_nobodys_call_are_not_found(echo: GatewayProcess) -> None:
    async with client(echo.url) as http:
        response = await http.patch("/api/offer", json={"pc_id": "x", "candidates": []})
    assert problem(response) == (404, "not_found")


async def test_a_wrong_key_is_refused_over_loopback_too(echo: GatewayProcess) -> None:
    async with client(echo.url, key="vgw_wrong") as http:
        for method, path in (("POST", "/api/offer"), ("GET", "/api/state"), ("GET", "/metrics")):
            response = await http.request(method, path, json=offer(captured("libpeer")))
            assert problem(response) == (401, "key_required")
            assert response.headers["www-authenticate"] == "Bearer"


async def test_another_sites_page_is_refused(echo: GatewayProcess) -> None:
    async with client(echo.url) as http:
        response = await http.post(
            "/api/offer", json=offer(captured("libpeer")), headers={"origin": "http://evil.example"}
        )
    assert problem(response) == (403, "forbidden")


async def test_a_flood_of_offers_is_held_off_and_a_live_call_does_not_notice(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, {"limits": {"offers_per_minute": 40}}) as gateway,
        calling(gateway.url) as peer,
        client(gateway.url) as http,
    ):
        await peer.hears()
        before = peer.ear.seconds
        bad = offer(captured("esp_peer_pcma"))
        answers = [await http.post("/api/offer", json=bad) for _ in range(60)]
        codes = [problem(answer) for answer in answers]
        assert set(codes) == {(422, "no_audio"), (429, "rate_limited")}
        assert codes.count((422, "no_audio")) < 30
        assert all(int(a.headers["retry-after"]) > 0 for a in answers if a.status_code == 429)
        await peer.heard_more(1)
        assert gaps(peer.ear.since(before), peer.hertz) <= LONGEST_GAP + peer.late


async def test_a_full_gateway_says_so(hasty: GatewayProcess) -> None:
    async with calling(hasty.url), calling(hasty.url), Peer(hasty.url) as third:
        response = await third.post(await third.offer())
        assert problem(response) == (503, "busy")
        assert "retry-after" in response.headers
    await hasty.idle()
    async with calling(hasty.url) as peer:
        await peer.hears()


async def test_slow_requests_hold_nobody_up(echo: GatewayProcess) -> None:
    """Connections that never finish their request."""
    slow = [await asyncio.open_connection("127.0.0.1", echo.port) for _ in range(50)]
    for _, writer in slow:
        writer.write(b"POST /api/offer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    async with calling(echo.url) as peer:
        await peer.hears()
    for _, writer in slow:
        writer.close()


# -- keys


async def test_a_devices_key_names_its_call_and_no_more(echo: GatewayProcess) -> None:
    config = str(echo.directory / "voicegw.toml")
    done = await asyncio.to_thread(voicegw, "devices", "--config", config, "add", "kitchen", "--json")
    key = json.loads(done.stdout)["key"]
    async with Peer(echo.url, key=key, request_data={"device": {"id": "liar"}}) as peer:
        await peer.connect()
        assert [s["device"] for s in await echo.sessions()] == ["kitchen"]
        assert problem(await peer.http.get("/api/state")) == (403, "forbidden")
        await asyncio.to_thread(voicegw, "devices", "--config", config, "revoke", "kitchen")
        await peer.closed()
        assert peer.error() == "revoked"
        assert problem(await peer.post(captured("libpeer"))) == (401, "key_required")
    assert key not in echo.log()


async def test_why_a_call_ends_is_told_again_where_that_is_lost(tmp_path: Path) -> None:
    """One of three: while the machine stands still, SCTP takes the way for a slow one, and may tell it too late."""
    for number in range(3):
        if await _error_where_it_is_lost(tmp_path / str(number)) == "stopping":
            return
    raise AssertionError("it was told once at most")


async def _error_where_it_is_lost(directory: Path) -> str | None:
    async with (
        serving(directory) as gateway,
        between(gateway.url) as middle,
        calling(middle.url) as peer,
    ):
        await peer.hears()
        [path] = middle.paths
        path.messages = 1
        await gateway.stop()
        await peer.closed()
        assert path.dropped == 1
        return peer.error()


# -- leaks


def open_files(pid: int) -> int:
    """How many descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def test_thirty_calls_leave_nothing_behind(tmp_path: Path) -> None:
    async with serving(tmp_path, {"limits": {"offers_per_minute": 6_000}}) as gateway:
        [worker] = gateway.workers()

        async def call(number: int) -> None:
            kind = None if number % 3 == 0 else {"device": {"id": f"d{number % 4}"}}
            async with calling(gateway.url, request_data=kind) as peer:
                await peer.heard_more(0.2)

        await asyncio.gather(*(call(i) for i in range(3)))  # what is made once is made now
        await gateway.idle()
        before = {pid: open_files(pid) for pid in (gateway.pid, worker)}
        for batch in range(10):
            await asyncio.gather(*(call(3 * batch + i) for i in range(3)))
        await gateway.idle()

        async def as_before() -> bool:
            return all(open_files(pid) <= count + 2 for pid, count in before.items())

        await eventually(as_before, "no descriptor is left open")
        assert gateway.workers() == [worker]
        async with client(gateway.url) as http:
            text = (await http.get("/metrics")).text
        assert "voicegw_media_rtt_ms{" not in text
        assert 'voicegw_offers_total{outcome="answered"} 33.0' in text
        assert "never retrieved" not in gateway.log()
