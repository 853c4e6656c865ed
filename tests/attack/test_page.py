"""A page of another site, in a real browser whose owner is let in: it does nothing in their name, and reads nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from tests.browser.chromium import executable
from tests.support.gateway import GatewayProcess, client, serving

pytestmark = pytest.mark.skipif(
    executable() is None, reason="Chromium is not installed: apt install chromium"
)
Told = Callable[[str, float | None], None]
_PAGE = b"<!doctype html><title>elsewhere</title><body></body>"
_TRIES = """async (gateway) => {
  const got = [];
  const within = (promise) => Promise.race([promise, new Promise((done) => setTimeout(done, 3000))]);
  const note = (what, value) => value !== undefined && got.push(`${what}: ${String(value).slice(0, 80)}`);
  const json = { "Content-Type": "application/json" }, text = { "Content-Type": "text/plain" };
  const tries = [
    ["GET", "/api/state"], ["GET", "/api/devices"], ["GET", "/metrics"], ["GET", "/api/events"],
    ["POST", "/api/devices", json, '{"name": "mine", "role": "operator"}'],
    ["POST", "/api/devices", text, '{"name": "mine", "role": "operator"}'],
    ["POST", "/api/link", text, ""], ["POST", "/start", text, "{}"], ["POST", "/api/rollout", text, "{}"],
    ["DELETE", "/api/devices/kitchen"],
  ];
  for (const [method, path, headers, body] of tries)
    for (const mode of ["cors", "no-cors"]) {
      if (mode === "no-cors" && method === "DELETE") continue;
      try {
        const answer = await fetch(gateway + path, { method, headers, body, mode, credentials: "include" });
        if (answer.type !== "opaque") note(`${method} ${path}`, await within(answer.text()));
      } catch {}
    }
  for (const [tag, name] of [["img", "src"], ["script", "src"], ["iframe", "src"]]) {
    const part = document.createElement(tag);
    part[name] = gateway + (tag === "script" ? "/web/js/main.js" : tag === "img" ? "/web/icon.svg" : "/");
    await within(new Promise((done) => { part.onload = () => done(note(tag, tag === "iframe" ? undefined : "loaded"));
                                         part.onerror = done; document.body.append(part); }));
    if (tag === "iframe") note("frame", part.contentDocument?.body?.textContent);
  }
  const target = document.createElement("iframe");
  target.name = "post";
  document.body.append(target);
  const form = Object.assign(document.createElement("form"),
    { action: gateway + "/api/devices", method: "POST", enctype: "text/plain", target: "post" });
  form.append(Object.assign(document.createElement("input"),
    { name: '{"name":"mine","role":"operator","x":"', value: '"}' }));
  document.body.append(form);
  await within(new Promise((done) => { target.onload = done; form.submit(); })); // a problem is a download
  return got;
}"""


@contextlib.asynccontextmanager
async def site() -> AsyncIterator[int]:
    """A web server of someone else."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            head = (
                f"HTTP/1.1 {HTTPStatus.OK.value} OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + _PAGE)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def owner(gateway: GatewayProcess) -> AsyncIterator[Page]:
    """A browser that came in as an operator's; `elsewhere.example` leads to this machine, as to any other."""
    rules = "--host-resolver-rules=MAP *.example 127.0.0.1"
    async with async_playwright() as playwright, client(gateway.url) as http:
        browser = await playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox", rules])
        page = await browser.new_page()
        await page.goto(gateway.url + (await http.post("/api/link")).json()["path"])
        await page.locator("#board").wait_for()
        yield page
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    async with serving(tmp_path_factory.mktemp("gateway")) as started:
        yield started


@pytest.mark.parametrize("host", ["elsewhere.example", "localhost"])
async def test_a_page_of_another_origin(gateway: GatewayProcess, host: str, told: Told) -> None:
    """`localhost` is of the same site as the gateway's own page, and may talk: nothing else."""
    home = gateway.url.replace("127.0.0.1", "localhost")
    async with client(gateway.url) as http, owner(gateway) as page, site() as port:
        await http.post("/api/devices", json={"name": "kitchen"})
        await page.goto(home + (await http.post("/api/link")).json()["path"])
        await page.locator("#board").wait_for()
        await page.goto(f"http://{host}:{port}/")
        got = [await page.evaluate(_TRIES, url) for url in (gateway.url, home)]
        names = {d["name"]: d["revoked"] for d in (await http.get("/api/devices")).json()}
        assert names == {"kitchen": False}
        assert [line for lines in got for line in lines if not is_harmless(line, host)] == []
    told("nothing", None)


def is_harmless(line: str, host: str) -> bool:
    """A page of this machine's own is answered that it may start to talk, or why it may not do the rest."""
    return host == "localhost" and (line.startswith("POST /start") or '"code":"forbidden"' in line)


async def test_a_page_under_a_name_that_leads_to_the_gateway(gateway: GatewayProcess, told: Told) -> None:
    """DNS rebinding: the browser takes it for the gateway's own origin."""
    rebound = gateway.url.replace("127.0.0.1", "rebound.example")
    async with owner(gateway) as page:
        answer = await page.goto(rebound)
        assert answer is not None
        assert answer.status == HTTPStatus.FORBIDDEN
        tried = """async () => (await Promise.all(["/api/state", "/api/devices", "/api/challenge"].map(
            async (path) => (await fetch(path)).status)))"""
        assert await page.evaluate(tried) == [HTTPStatus.FORBIDDEN] * 3
    told("403", None)
