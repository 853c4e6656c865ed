"""Devices managed on the page, of a real gateway: let in, spoken through, set, forgotten, and put out."""

from __future__ import annotations

import json
from typing import Any

import pytest_asyncio
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.chromium import watched
from tests.browser.running import Running
from tests.browser.test_page import EMPTY, PHONE, show

TOOL = {
    "session": "a", "device": "kitchen", "at": 11.0, "name": "set_timer", "arguments": '{"seconds": 60}',
    "result": "The timer is set.", "ok": True, "ms": 12.0,
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> Page:
    page = await browser.new_page(viewport={"width": PHONE, "height": 800})
    page.set_default_timeout(60_000)
    return page


async def let_in(page: Page, name: str, role: str = "device") -> Locator:
    """Make a key on the page; the row of who has it."""
    await page.get_by_text("Add a device or an operator").click()
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("May", exact=True).select_option(role)
    await page.get_by_role("button", name="Make a key").click()
    await expect(page.locator("#enrolled-key")).to_contain_text("vgw_")
    return page.locator("#devices .row", has_text=name)


async def managed(row: Locator) -> Locator:
    await row.get_by_text("Manage").click()
    return row.locator(".panel")


async def test_a_device_is_let_in_managed_and_put_out_without_a_terminal(
    page: Page, gateway: Running
) -> None:
    faults = await watched(page)
    await page.goto(gateway.link())
    panel = await managed(await let_in(page, "hall"))
    await expect(panel.locator(".tags")).to_contain_text("set timer")
    await expect(panel.get_by_text("is not kept")).to_be_visible()
    await expect(panel.get_by_label("Volume")).to_be_hidden()  # it is away

    await panel.get_by_label("New timer").fill("5")
    await panel.get_by_role("button", name="Set", exact=True).click()
    await expect(panel.locator(".plain li")).to_contain_text("timer, in")
    await panel.get_by_label("Say on this device").fill("Dinner is ready.")
    await panel.get_by_role("button", name="Say", exact=True).click()
    await expect(panel.locator(".plain li")).to_have_count(2)
    kept = gateway.ask("GET", "/api/devices/hall/promises").json()
    assert {one["kind"] for one in kept} == {"timer", "say"}
    await panel.get_by_role("button", name="Cancel the timer").click()
    await expect(panel.locator(".plain li")).to_have_count(1)

    await panel.get_by_label("What its people are called").fill("Anna")
    await panel.get_by_label("What its people are called").press("Enter")
    await expect(panel.get_by_role("status")).to_contain_text("kept")
    assert gateway.ask("GET", "/api/devices/hall/preferences").json() == {"name": "Anna"}

    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()

    await panel.get_by_role("button", name="Revoke its key").click()
    await panel.get_by_role("button", name="Really revoke").click()
    await expect(page.locator("#devices .row", has_text="hall")).to_have_attribute("data-state", "revoked")
    assert gateway.ask("GET", "/api/devices/hall/preferences").status_code == 404
    assert not faults


async def test_what_goes_wrong_is_said_where_it_was_tried(page: Page, gateway: Running) -> None:
    await page.goto(gateway.link())
    panel = await managed(await let_in(page, "attic"))
    await panel.get_by_label("Its voice").fill("robot")
    await panel.get_by_label("Its voice").press("Enter")
    await expect(panel.get_by_role("alert")).to_contain_text("There is no voice robot to choose.")


async def test_an_operator_can_be_put_out_and_nothing_else(page: Page, gateway: Running) -> None:
    await page.goto(gateway.link())
    panel = await managed(await let_in(page, "anna", "operator"))
    await expect(panel.get_by_role("heading")).to_have_text(["Key"])


async def test_the_first_way_from_no_device_to_speech_needs_no_terminal(page: Page, gateway: Running) -> None:
    await show(page, gateway, EMPTY)
    way = page.locator("#devices-empty")
    await expect(way.get_by_role("link", name="Flash a board")).to_have_attribute("href", "/flash")
    assert "voicegw " not in (await way.inner_text())
    await page.get_by_text("Add a device or an operator").press("Enter")
    await expect(page.get_by_label("Name", exact=True)).to_be_visible()


async def test_calls_of_tools_stand_in_the_conversation_and_costs_beside_it(
    page: Page, gateway: Running
) -> None:
    words = [
        {"session": "a", "at": 10.0, "who": "user", "text": "a timer, please", "final": True},
        {"session": "a", "at": 12.0, "who": "bot", "text": "It is set.", "final": True},
    ]
    services: list[dict[str, Any]] = [
        {"service": "OpenAILLMService", "model": "rules", "ttfb_ms": 210.0, "processing_ms": None,
         "prompt_tokens": 1_200.0, "completion_tokens": 34.0},
    ]  # fmt: skip
    failed = ("tool", {**TOOL, "at": 13.0, "name": "get_weather", "ok": False, "result": "no station"})
    state = {**EMPTY, "transcripts": words, "tools": [TOOL], "services": services}
    await show(page, gateway, json.loads(json.dumps(state)), failed)
    lines = page.locator("#transcripts .line")
    await expect(lines).to_have_count(4)
    await expect(lines.nth(1)).to_contain_text("set timer seconds: 60 → The timer is set.")
    await expect(lines.nth(3)).to_contain_text("tool, failed")
    await expect(page.locator("#services-rows tr")).to_contain_text("OpenAILLMService rules210 ms1,234")
