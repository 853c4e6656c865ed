"""The page at `/`: what it shows of a known state, how it fails, and whether everybody can use it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.chromium import chromium, watched
from tests.browser.running import ROOT, Running

STATE = json.loads((ROOT / "tests" / "data" / "page_state.json").read_text())
EMPTY: dict[str, Any] = {
    **STATE,
    "open": False,
    "sessions": [],
    "devices": [],
    "turns": [],
    "transcripts": [],
}
PHONE, DESK = 320, 1280


async def show(page: Page, gateway: Running, state: dict[str, Any], *events: tuple[str, Any]) -> None:
    """Open the page on a gateway that is in this state and then tells of these events."""
    stream = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)

    async def answer_state(route: Route) -> None:
        await route.fulfill(json=state)

    async def answer_events(route: Route) -> None:
        await route.fulfill(body=": here\n\n" + stream, content_type="text/event-stream")

    await page.route("**/api/state", answer_state)
    await page.route("**/api/events", answer_events)
    await page.goto(gateway.link())
    await expect(page.locator("#about")).to_contain_text(state["version"])


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> Page:
    return await browser.new_page()


@pytest.mark.parametrize("state", [STATE, EMPTY], ids=["full", "empty"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
async def test_page_fits_is_legible_and_does_nothing_wrong(
    browser: Browser, gateway: Running, width: int, scheme: str, state: dict[str, Any]
) -> None:
    context = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = await context.new_page()
    faults = await watched(page)
    await show(page, gateway, state)
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    brightness = await page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    assert max(brightness) < 64 if scheme == "dark" else min(brightness) > 192
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert not faults


async def test_policy_forbids_inline_script_and_style(page: Page, gateway: Running) -> None:
    response = await page.goto(gateway.url)
    assert response is not None
    policy = await response.header_value("content-security-policy")
    assert policy is not None
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy


async def test_words_are_shown_as_words(page: Page, gateway: Running) -> None:
    said = '<img src=x onerror="document.title=1"> & <b>bold</b>'
    transcript = {"session": "a", "at": 1.0, "who": "user", "text": said, "final": True}
    await show(page, gateway, {**STATE, "transcripts": [transcript]})
    await expect(page.get_by_role("log")).to_contain_text(said)
    assert await page.locator("#transcripts img, #transcripts b").count() == 0


async def test_session_tells_who_and_how_well(page: Page, gateway: Running) -> None:
    await show(page, gateway, STATE)
    row = page.locator("#sessions .row", has_text="kitchen")
    await expect(row).to_contain_text("assistant · 192.168.1.7")
    await expect(row.locator(".figures")).to_have_text("round trip3.1msjitter0.4msloss1.2%playout41ms")


async def test_devices_tell_strangers_operators_and_the_revoked_apart(page: Page, gateway: Running) -> None:
    await show(page, gateway, STATE)
    rows = page.locator("#devices .row")
    await expect(rows).to_have_count(5)
    await expect(rows.nth(0)).to_contain_text("voicegw devices add NAME")
    await expect(page.locator("#devices .row", has_text="anna")).to_contain_text("operator")
    await expect(page.locator("#devices .row", has_text="attic")).to_contain_text("revoked")
    await expect(page.locator("#devices-count")).to_have_text("2 of 5 online")


async def test_waterfall_lays_the_stages_end_to_end(page: Page, gateway: Running) -> None:
    await show(page, gateway, STATE)
    await expect(page.locator("#fall .total")).to_have_text("308ms")
    bars = await page.locator("#fall .bar").evaluate_all(
        """bars => bars.map((bar) => {
          const { left, right } = bar.getBoundingClientRect();
          return { stage: bar.dataset.stage, left, right };
        })"""
    )
    seen = ["turn", "transcript", "audio", "packet"]  # the text of this turn was not
    assert [bar["stage"] for bar in bars] == seen
    for before, after in pairwise(bars):
        assert after["left"] == pytest.approx(before["right"], abs=1)


async def test_an_earlier_turn_can_be_looked_at(page: Page, gateway: Running) -> None:
    await show(page, gateway, STATE)
    earlier = page.get_by_role("button", name="what is seven times eight")
    await earlier.press("Enter")
    await expect(earlier).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#fall .total")).to_have_text("959ms")


async def test_words_in_progress_give_way_to_the_final_ones(page: Page, gateway: Running) -> None:
    words = [("what", False), ("what time", False), ("what time is it", True)]
    events = [
        ("transcript", {"session": "a", "at": 10.0 + i, "who": "user", "text": text, "final": final})
        for i, (text, final) in enumerate(words)
    ]
    await show(page, gateway, EMPTY, *events)
    said = page.locator("#transcripts .said")
    await expect(said).to_have_text(["what time is it"])


async def test_words_told_one_by_one_become_a_paragraph(page: Page, gateway: Running) -> None:
    words = [
        {"session": "a", "at": 10.0 + i / 4, "who": "bot", "text": text, "final": True}
        for i, text in enumerate(["It", "is", "four."])
    ]
    await show(page, gateway, {**EMPTY, "transcripts": words})
    await expect(page.locator("#transcripts .said")).to_have_text(["It is four."])


async def test_stream_is_read_in_whatever_pieces_it_comes(page: Page, gateway: Running) -> None:
    await page.goto(gateway.link())
    stream = ": here\r\n\r\nevent: turn\r\ndata: 1\r\ndata: 2\r\n\r\ndata:3\n\n: keep-alive\n\n"
    results = await page.evaluate(
        """async (stream) => {
          const { parser } = await import("/web/js/sse.js");
          return [...Array(stream.length).keys()].map((cut) => {
            const feed = parser();
            return [...feed(stream.slice(0, cut)), ...feed(stream.slice(cut))];
          });
        }""",
        stream,
    )
    expected = [{"event": "turn", "data": "1\n2"}, {"event": "message", "data": "3"}]
    assert all(result == expected for result in results)


async def test_figures_are_written_for_people(page: Page, gateway: Running) -> None:
    await page.goto(gateway.link())
    written = await page.evaluate(
        """async () => {
          const { ago, median, ms, percent, span } = await import("/web/js/format.js");
          return [
            [null, 0, 2.06, 9.96, 1234.5].map(ms),
            [0, 0.0004, 0.012, 0.25].map(percent),
            [0.9, 61, 3600, 97200].map(span),
            [-1, 59, 5400, 90000, 260000].map(ago),
            [[], [3, 1, 2], [4, 1]].map(median),
          ];
        }"""
    )
    assert written == [
        ["–", "0", "2.1", "10", "1,235"],  # noqa: RUF001 -- a dash is what the page shows
        ["0", "<0.1", "1.2", "25"],
        ["0 s", "1 min 1 s", "1 h", "1 d 3 h"],
        ["just now", "just now", "1 h ago", "yesterday", "3 days ago"],
        [None, 2, 2.5],
    ]


async def test_talk_button_is_never_stuck(page: Page, gateway: Running) -> None:
    await page.goto(gateway.link())
    table: dict[str, dict[str, str]] = await page.evaluate(
        "async () => (await import('/web/js/talk.js')).TABLE"
    )
    assert all("press" in events for events in table.values())
    assert {state for events in table.values() for state in events.values()} == set(table)


async def test_another_machine_is_asked_for_an_operators_key(page: Page, gateway: Running) -> None:
    sent: list[str | None] = []

    async def answer(route: Route) -> None:
        key = await route.request.header_value("authorization")
        sent.append(key)
        if key == "Bearer right":
            await route.fallback()
        else:
            await route.fulfill(status=401, json=problem(401, "this key is unknown", "make another"))

    await show_nothing(page, gateway)
    await page.route("**/api/events", answer)
    await page.goto(gateway.link())
    key = page.get_by_role("textbox", name="Key")
    await expect(key).to_be_focused()
    await expect(page.get_by_text("voicegw devices add NAME --role operator")).to_be_visible()
    await expect(page.locator("#talk-button")).to_be_hidden()

    await key.fill("wrong")
    await key.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("This key is unknown.Make another.")
    await key.fill("“right”")  # which no header can have
    await key.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text(
        "That is no key.Copy it whole, and nothing around it."
    )
    await key.fill("right")
    await key.press("Enter")
    await expect(page.locator("#talk-button")).to_be_focused()
    assert sent[:3] == [None, "Bearer wrong", "Bearer right"]
    assert await page.evaluate("[sessionStorage.length, localStorage.length]") == [1, 0]


async def show_nothing(page: Page, gateway: Running) -> None:
    await show(page, gateway, EMPTY)
    await page.goto("about:blank")


def problem(status: int, detail: str, remedy: str) -> dict[str, Any]:
    return {"type": "urn:t", "title": "t", "status": status, "detail": detail, "code": "c", "remedy": remedy}


async def test_refused_offer_says_why_and_what_to_do(page: Page, gateway: Running) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(
            status=503, json=problem(503, "32 calls are the limit", "raise `limits.sessions`")
        )

    await page.route("**/api/offer", refuse)
    await page.goto(gateway.link())
    await page.get_by_role("button", name="Talk").click()
    await expect(page.get_by_role("alert")).to_have_text("32 calls are the limit.Raise limits.sessions.")
    await expect(page.get_by_role("button", name="Try again")).to_be_enabled()


async def test_without_microphone_the_page_says_how_to_get_one(gateway: Running) -> None:
    async with chromium(grant=False) as browser:
        page = await browser.new_page()
        await page.goto(gateway.link())
        await page.get_by_role("button", name="Talk").click()
        await expect(page.get_by_role("alert")).to_contain_text("did not give this page the microphone")
        await expect(page.get_by_role("alert")).to_contain_text("Allow it")


async def test_page_without_https_says_how_to_talk_all_the_same(page: Page, gateway: Running) -> None:
    await page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    await page.goto(gateway.link())
    await page.get_by_role("button", name="Talk").click()
    await expect(page.get_by_role("alert")).to_contain_text(f"ssh -L {gateway.port}:localhost:{gateway.port}")


async def test_keyboard_alone_starts_and_ends_a_call(page: Page, gateway: Running) -> None:
    await page.goto(gateway.link())
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the talk button")).to_be_focused()
    await page.keyboard.press("Enter")
    talk = page.locator("#talk-button")
    await expect(talk).to_be_focused()
    assert await talk.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    await expect(talk).to_have_text("End")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Mute", pressed=True)).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("The microphone is off.")).to_be_visible()


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    web = ROOT / "gateway" / "web"
    for path in [p for p in web.rglob("*") if p.is_file()]:
        assert_local(path)


def assert_local(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "").replace("http://localhost:", "")
    for forbidden in ("http://", "https://", "style=", "innerHTML", "onclick"):
        assert forbidden not in text, f"{path} has {forbidden}"
