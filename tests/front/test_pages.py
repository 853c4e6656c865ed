"""What a browser is told with every answer, and how it comes in as an operator's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.front.app import create_app
from gateway.front.parts import Gateway
from gateway.front.running import running
from gateway.settings import Settings


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    settings = Settings(
        host="127.0.0.1", port=0, in_process=True, bot="echo", announce=False, data_dir=tmp_path
    )
    async with running(settings, port=0) as found:
        yield found


@pytest.fixture
async def browser(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    app = httpx.ASGITransport(create_app(gateway), client=("192.168.1.5", 1))
    async with httpx.AsyncClient(transport=app, base_url="https://localhost:7860") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/client/", "/flash", "/web/js/main.js", "/api/state", "/nowhere"])
async def test_no_other_site_frames_reads_or_guesses_what_we_answer(
    browser: httpx.AsyncClient, path: str
) -> None:
    headers = (await browser.get(path)).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_site_gets_nothing_but_the_doorstep(
    browser: httpx.AsyncClient, gateway: Gateway, site: str
) -> None:
    headers = {"Sec-Fetch-Site": site, "Authorization": f"Bearer {gateway.operators.secret}"}
    for path in ("/api/state", "/api/devices", "/metrics", "/web/js/main.js"):
        assert (await browser.get(path, headers=headers)).status_code == 403
    assert (await browser.post("/api/link", headers=headers)).status_code == 403
    for path in ("/", "/client", "/client/", "/flash"):
        assert not (await browser.get(path, headers=headers)).is_error


async def test_a_link_is_good_once_and_what_it_leaves_is_no_scripts(
    browser: httpx.AsyncClient, gateway: Gateway
) -> None:
    assert (await browser.get("/api/state")).status_code == 401
    link = f"/enter?ticket={gateway.operators.link()}"
    came = await browser.get(link)
    assert (came.status_code, came.headers["location"]) == (303, "/")
    kept = came.headers["set-cookie"].lower()
    assert all(word in kept for word in ("httponly", "samesite=strict", "secure", "path=/"))
    assert (await browser.get("/api/state")).status_code == 200
    browser.cookies.clear()
    assert (await browser.get(link)).status_code == 401


async def test_plain_http_from_another_machine_is_sent_on_or_refused(
    browser: httpx.AsyncClient, gateway: Gateway
) -> None:
    key = {"Authorization": f"Bearer {gateway.operators.secret}"}
    page = await browser.get("http://localhost:7860/flash?x=1", headers=key)
    assert (page.status_code, page.headers["location"]) == (308, "https://localhost:7860/flash?x=1")
    refused = await browser.post("http://localhost:7860/start", headers=key)
    assert (refused.status_code, refused.json()["code"]) == (403, "tls_required")
    assert (await browser.get("http://localhost:7860/healthz")).status_code == 200


@pytest.mark.parametrize("setting", ["plain_http", "open"])
async def test_who_says_so_lets_it_speak_plainly(tmp_path: Path, setting: str) -> None:
    own = Settings(in_process=True, bot="echo", announce=False, data_dir=tmp_path, **{setting: True})  # type: ignore[arg-type]
    async with running(own, port=0) as gateway:
        app = httpx.ASGITransport(create_app(gateway), client=("192.168.1.5", 1))
        _, key = await gateway.registry.add("kitchen")
        async with httpx.AsyncClient(transport=app, base_url="http://192.168.1.2:7860") as client:
            answer = await client.post("/start", headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 200


async def test_a_page_of_another_origin_may_talk_and_no_more(gateway: Gateway) -> None:
    app = httpx.ASGITransport(create_app(gateway), client=("127.0.0.1", 1))
    page = {"Origin": "http://localhost:5173", "Sec-Fetch-Site": "same-site"}
    asks = {
        **page,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-own",
    }
    async with httpx.AsyncClient(transport=app, base_url="http://localhost:7860") as client:
        preflight = await client.options("/start", headers=asks)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == page["Origin"]
        assert preflight.headers["access-control-allow-headers"] == "content-type,x-own"
        assert "access-control-allow-credentials" not in preflight.headers
        started = await client.get("/status", headers=page)
        assert (started.status_code, started.headers["access-control-allow-origin"]) == (200, page["Origin"])
        for path in ("/api/devices", "/api/link"):
            refused = await client.options(path, headers=asks)
            assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (403, False)
            assert "allowed_origins" in refused.json()["detail"] + str(refused.json())


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_without_its_kind_is_read_or_told_what_is_missing(
    gateway: Gateway, kind: str | None
) -> None:
    app = httpx.ASGITransport(create_app(gateway), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=app, base_url="http://localhost:7860") as client:
        headers = {"Authorization": f"Bearer {gateway.operators.secret}"}
        headers |= {"Content-Type": kind} if kind else {}
        talks = await client.post("/start", content=b'{"body": {"a": 1}}', headers=headers)
        enrols = await client.post("/api/devices", content=b'{"name": "kitchen"}', headers=headers)
    assert talks.status_code == 200
    if kind is None:
        assert enrols.status_code == 201
    else:
        assert "send it as Content-Type: application/json" in str(enrols.json())


@pytest.mark.parametrize("path", ["/", "/flash", "/healthz", "/status", "/client/", "/web/js/main.js"])
async def test_whether_it_is_there_may_be_asked_without_its_body(
    browser: httpx.AsyncClient, path: str
) -> None:
    """As uptime monitors, link checkers and `curl -I` ask."""
    assert (await browser.head(path)).status_code == (await browser.get(path)).status_code == 200


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b"a=1", b"[" * 20_000], ids=["half", "no text", "form", "deep"]
)
async def test_a_start_whose_body_is_no_json_is_one_without_a_body(gateway: Gateway, body: bytes) -> None:
    """As in Pipecat's runner."""
    app = httpx.ASGITransport(create_app(gateway), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=app, base_url="http://localhost:7860") as client:
        headers = {"Authorization": f"Bearer {gateway.operators.secret}"}
        started = await client.post("/start", content=body, headers=headers)
        assert (started.status_code, "sessionId" in started.json()) == (200, True)
        offered = await client.post("/api/offer", content=body, headers=headers)
        assert offered.is_client_error


async def test_a_page_of_another_origin_is_told_of_what_is_too_long(gateway: Gateway) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b" " * 1_000

    app = httpx.ASGITransport(create_app(gateway), client=("127.0.0.1", 1))
    page = {"Origin": "http://localhost:5173", "Authorization": f"Bearer {gateway.operators.secret}"}
    async with httpx.AsyncClient(transport=app, base_url="http://localhost:7860") as client:
        for content in (b" " * 70_000, pieces()):
            refused = await client.post("/api/offer", content=content, headers=page)
            assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
            assert refused.headers["access-control-allow-origin"] == page["Origin"]


@pytest.mark.parametrize("asked", ["/client", "/flash/", "/web"])
async def test_a_page_that_a_proxy_has_over_tls_is_sent_on_over_tls(tmp_path: Path, asked: str) -> None:
    own = Settings(
        in_process=True,
        bot="echo",
        announce=False,
        data_dir=tmp_path,
        trusted_proxies=("127.0.0.1",),
        names=("voice.example",),
    )
    async with running(own, port=0) as gateway:
        app = httpx.ASGITransport(create_app(gateway), client=("127.0.0.1", 1))
        proxied = {"X-Forwarded-For": "192.168.1.9", "X-Forwarded-Proto": "https"}
        async with httpx.AsyncClient(transport=app, base_url="http://voice.example") as client:
            sent_on = (await client.get(asked, headers=proxied)).headers["location"]
    assert sent_on.startswith("https://voice.example/")
