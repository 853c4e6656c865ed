"""The page at `/flash`: the releases that are there, and a board that is let in over Web Serial."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, expect

from ground import operator
from tests.browser.running import Running, running
from tests.support.releases import put_release

TOOLS = Path(__file__).parents[2] / "build" / "flasher" / "package" / "dist" / "web"
# A board behind Web Serial, which Chromium has no way to simulate: it answers what our console answers.
BOARD = """
  window.asked = [];
  const answers = (line) => line.startsWith("settings set key") && window.refuses
    ? '@err {"error":"not_stored","remedy":"settings"}' : "@ok {}";
  const open = () => {
    let say;
    const readable = new ReadableStream({ start(controller) {
      say = (text) => controller.enqueue(new TextEncoder().encode(text));
    } });
    const writable = new WritableStream({ write(bytes) {
      for (const line of new TextDecoder().decode(bytes).split("\\n").filter(Boolean)) {
        window.asked.push(line);
        say(`I (1) log\\r\\n${answers(line)}\\r\\n`);
      }
    } });
    return { readable, writable, open: async () => {}, close: async () => { window.wasClosed = true; } };
  };
  Object.defineProperty(navigator, "serial", { value: { requestPort: async () => open() }, configurable: true });
"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> Page:
    return await browser.new_page()


@pytest.fixture(scope="module")
def flasher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("flasher")
    (directory / "releases").mkdir()
    put_release(directory / "releases", "xmini-c3", "0.2.0")
    with running(directory, bot="echo") as process:
        yield process


def test_the_manifest_is_in_the_form_of_esp_web_tools(flasher: Running) -> None:
    manifest = f"{flasher.url}/flash/manifest/xmini-c3/0.2.0"
    about = flasher.ask("GET", "/flash/manifest/xmini-c3/0.2.0").json()
    build = about["builds"][0]
    assert (about["version"], build["chipFamily"]) == ("0.2.0", "ESP32-C3")
    assert [part["offset"] for part in build["parts"]] == [0x20000]
    path = urljoin(manifest, build["parts"][0]["path"]).removeprefix(flasher.url)
    firmware = flasher.ask("GET", path)
    assert hashlib.sha256(firmware.content).digest() == hashlib.sha256(bytes(range(256)) * 40).digest()


@pytest.mark.parametrize("name", ["install-button.css", "..%2f..%2f..%2fpackage.json", "nothing.js"])
def test_nothing_but_its_modules_is_served(flasher: Running, name: str) -> None:
    answer = httpx.get(f"{flasher.url}/flash/tools/{name}", trust_env=False)
    assert answer.status_code == 404


async def test_releases_are_offered_on_a_page_for_everybody(flasher: Running, page: Page) -> None:
    await page.add_init_script(BOARD)
    await page.goto(flasher.link())
    await page.goto(f"{flasher.url}/flash")
    await expect(page.locator("#releases li")).to_have_count(1)
    await expect(page.locator("#releases")).to_contain_text("xmini-c3 (esp32c3), 0.2.0")
    found = await Axe().run(page)
    assert found.response["violations"] == [], json.dumps(found.response["violations"], indent=1)[:2000]
    if TOOLS.exists():
        await expect(page.locator("esp-web-install-button[install-supported]")).to_have_count(1)
    else:
        await expect(page.locator("#notice")).to_contain_text("make flasher")


async def test_a_board_is_enrolled_and_given_its_key(flasher: Running, page: Page) -> None:
    await page.add_init_script(BOARD)
    await page.goto(flasher.link())
    await page.goto(f"{flasher.url}/flash")
    await page.fill("#key-name", "hall")
    await page.click("text=Enrol")
    await expect(page.locator("#key-status")).to_have_text("hall is let in.")
    asked = await page.evaluate("window.asked")
    assert asked[:2] == ["state", "settings set name hall"]
    assert (
        asked[2].removeprefix("settings set fingerprint ")
        == flasher.ask("GET", "/api/identity").json()["pin"]
    )
    key = asked[3].removeprefix("settings set key ")
    assert await page.evaluate("window.wasClosed")
    bearer = {"Authorization": f"Bearer {key}"}
    assert (await page.request.post(f"{flasher.url}/start", headers=bearer)).status == 200
    assert key not in await page.content()


async def test_a_board_that_refuses_is_told(flasher: Running, page: Page) -> None:
    await page.add_init_script(BOARD + "window.refuses = true;")
    await page.goto(flasher.link())
    await page.goto(f"{flasher.url}/flash")
    await page.fill("#key-name", "attic")
    await page.click("text=Enrol")
    await expect(page.locator("#problem")).to_contain_text("The board refuses: not_stored")
    await expect(page.locator("#key-status")).to_be_empty()
    listed = await (await page.request.get(f"{flasher.url}/api/devices")).json()
    assert "attic" not in [device["name"] for device in listed if not device.get("revoked")]


async def test_the_key_of_a_tab_does_all_that_a_link_does(flasher: Running, page: Page) -> None:
    """ESP Web Tools fetch the manifest and the images by themselves."""
    key = json.dumps(operator.secret_for(flasher.url))
    await page.add_init_script(
        f"{BOARD}; window.refuses = true; sessionStorage.setItem('voicegw-key', {key});"
    )
    await page.goto(f"{flasher.url}/flash")
    await expect(page.locator("#releases li")).to_have_count(1)
    manifest = "/flash/manifest/xmini-c3/0.2.0"
    assert await page.evaluate("async (path) => (await fetch(path)).status", manifest) == 200
    await page.fill("#key-name", "cellar")
    await page.click("text=Enrol")
    await expect(page.locator("#problem")).to_contain_text("The board refuses: not_stored")
    listed = flasher.ask("GET", "/api/devices").json()
    assert "cellar" not in [device["name"] for device in listed if not device.get("revoked")]


async def test_a_browser_without_web_serial_is_told(flasher: Running, page: Page) -> None:
    await page.add_init_script("delete Navigator.prototype.serial;")
    await page.goto(flasher.link())
    await page.goto(f"{flasher.url}/flash")
    await expect(page.locator("#notice")).to_contain_text("Use Chrome or Edge")
