"""A real browser asks the default bot for the time, and hears the answer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.chromium import chromium, wait_for_silence, wait_for_speech, watched
from tests.browser.running import Running, running
from tests.support.middle import kept_port

ASKED = re.compile(r"what time is it", re.IGNORECASE)
ANSWERED = re.compile(r"\b(it is|it's)\b", re.IGNORECASE)


async def test_question_through_our_page(gateway: Running, question: Path) -> None:
    async with chromium(recording=question) as browser:
        page = await browser.new_page()
        faults = await watched(page)
        await page.goto(gateway.link())
        await page.get_by_role("button", name="Talk").click()
        await expect(page.get_by_text("You are live")).to_be_visible()

        log = page.get_by_role("log", name="Conversation")
        await expect(log.locator("[data-who=user][data-final=true] .said")).to_contain_text(ASKED)
        await expect(log.locator("[data-who=bot] .said")).to_contain_text(ANSWERED)
        await wait_for_speech(page)
        await expect(page.locator("#sessions .row")).to_have_attribute("data-state", "live")
        await expect(page.locator("#fall .quote")).to_have_text(ASKED)
        await expect(page.locator("#fall .total")).to_have_text(re.compile(r"^[1-9][\d,]*ms$"))

        await page.get_by_role("button", name="End").click()
        await expect(page.get_by_text("The microphone is off.")).to_be_visible()
        await expect(page.get_by_text("Nobody is on the line.")).to_be_visible()
        assert not faults


async def test_question_through_pipecats_page(gateway: Running, question: Path) -> None:
    async with chromium(recording=question) as browser:
        page = await browser.new_page()
        elsewhere: list[str] = []
        page.on("request", lambda r: None if r.url.startswith(gateway.url) else elsewhere.append(r.url))
        await watched(page)
        await page.goto(f"{gateway.url}/client/")
        await expect(page.get_by_text("initialized", exact=True)).to_be_visible()  # it ignores earlier clicks
        await page.get_by_role("button", name="Connect", exact=True).click()
        await wait_for_speech(page)
        await expect(page.get_by_text(ASKED).first).to_be_visible()
        await expect(page.get_by_text(ANSWERED).first).to_be_visible()
        assert not elsewhere


async def test_pipecats_page_mutes_and_calls_again(tmp_path: Path) -> None:
    with running(tmp_path, bot="echo") as gateway:
        async with chromium() as browser:
            page = await browser.new_page()
            await watched(page)
            await page.goto(f"{gateway.url}/client/")
            await expect(page.get_by_text("initialized", exact=True)).to_be_visible()
            for _ in range(2):
                await page.get_by_role("button", name="Connect", exact=True).click()
                await wait_for_speech(page)
                await page.get_by_role("button", name="Mute microphone").click()
                await wait_for_silence(page)
                await page.get_by_role("button", name="Unmute microphone").click()
                await wait_for_speech(page)
                await page.get_by_role("button", name="Disconnect", exact=True).click()


async def test_call_ends_when_the_gateway_stops_and_the_page_finds_it_again(tmp_path: Path) -> None:
    with kept_port() as port:
        async with chromium() as browser:
            await call_end_and_call_again(await browser.new_page(), tmp_path, port)


async def call_end_and_call_again(page: Page, directory: Path, port: int) -> None:
    with running(directory, port=port, bot="echo") as first:
        await page.goto(first.link())
        await start_call(page)
        assert first.stop() == 0
    await expect(page.get_by_text("The gateway ended the call.")).to_be_visible()
    link = page.locator("#link")
    await expect(link).to_have_text("the gateway does not answer")
    with running(directory, port=port, bot="echo"):
        await expect(link).to_have_text("live")
        await start_call(page)


async def test_a_microphone_that_goes_ends_the_call_and_says_so(tmp_path: Path) -> None:
    with running(tmp_path, bot="echo") as gateway:
        async with chromium(grant=False) as browser:
            context = await browser.new_context(permissions=["microphone"])
            page = await context.new_page()
            await page.goto(gateway.link())
            await start_call(page)
            await context.clear_permissions()
            await expect(page.get_by_role("alert")).to_contain_text("microphone is gone")
            await expect(page.get_by_role("button", name="Try again")).to_be_visible()
            await expect(page.get_by_text("Nobody is on the line.")).to_be_visible()


async def start_call(page: Page) -> None:
    await page.locator("#talk-button").click()
    await expect(page.get_by_text("You are live")).to_be_visible()


async def test_our_page_uses_the_servers_of_its_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = {"urls": ["turn:127.0.0.1:9?transport=udp"], "username": "a", "credential": "b"}
    monkeypatch.setenv("PIPECAT_ICE_SERVERS", json.dumps([server]))
    with running(tmp_path, bot="echo") as gateway:
        async with chromium() as browser:
            page = await browser.new_page()
            await page.add_init_script(
                "window.asked = []; window.RTCPeerConnection = class extends RTCPeerConnection {"
                " constructor(given) { super(given); window.asked.push(given.iceServers); } };"
            )
            await page.goto(gateway.link())
            await start_call(page)
            assert await page.evaluate("() => window.asked") == [[server]]
