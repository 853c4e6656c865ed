"""The page that a release publishes, below some path of a plain web server."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, expect

from gateway.front import flasher, site
from tests.tools import published_files
from tests.tools.published_files import VERSION
from tests.tools.release_server import serving
from tools import build, publish

SHOWN = [board for board in build.boards() if not board.startswith("qemu")]
"""All but the emulated ones."""

# As ESP Web Tools do: the manifest as seen from the page, its files as seen from the manifest.
FETCH = """async (element) => {
  const manifest = new URL(element.getAttribute("manifest"), location);
  const { builds } = await (await fetch(manifest)).json();
  const digest = async ({ path }) => {
    const bytes = await (await fetch(new URL(path, manifest))).arrayBuffer();
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return [...sum].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  return Promise.all(builds[0].parts.map(digest));
}"""


@pytest.fixture
def published(tmp_path: Path) -> Path:
    releases = publish.gather(published_files.firmware(tmp_path / "firmware"), VERSION)
    (tmp_path / "files").mkdir()
    publish.write_archives(releases, "https://voicegw.invalid", tmp_path / "files")
    tools = flasher.TOOLS
    if not tools.is_dir():  # `make flasher` was not run: its button then does nothing
        tools = tmp_path / "package" / "dist" / "web"
        tools.mkdir(parents=True)
        (tools / "install-button.js").touch()
        (tmp_path / "package" / "LICENSE").touch()
    site.write(tmp_path / "files", tmp_path / "www" / "some" / "path", tools)
    return tmp_path / "www"


async def test_it_offers_each_board_its_own_firmware(
    published: Path, tmp_path: Path, browser: Browser
) -> None:
    with serving(published) as served:
        page = await browser.new_page()
        failed: list[str] = []
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("requestfailed", lambda request: failed.append(request.url))
        await page.add_init_script(
            "navigator.serial ?? Object.defineProperty(navigator, 'serial', { value: {} })"
        )
        await page.goto(f"{served.url}/some/path/")
        rows = page.locator("#releases li")
        await expect(rows).to_have_count(len(SHOWN))
        found = await Axe().run(page)
        assert found.response["violations"] == [], json.dumps(found.response["violations"], indent=1)[:2000]
        await expect(page.locator("#elsewhere")).to_be_visible()
        await expect(page.locator("#notice")).to_be_hidden()
        for row in await rows.all():
            board = (await row.inner_text()).split()[0]
            folder = tmp_path / "firmware" / f"firmware-{board}"
            files = json.loads((folder / "manifest.json").read_text())["files"]
            whole = [hashlib.sha256((folder / file["path"]).read_bytes()).hexdigest() for file in files]
            assert await row.locator("esp-web-install-button").evaluate(FETCH) == whole
        if flasher.TOOLS.is_dir():
            await expect(page.locator("esp-web-install-button[install-supported]")).to_have_count(len(SHOWN))
    assert failed == []
    assert {path.rpartition("/")[0] for path in served.asked if "/api/firmware/" in path}
