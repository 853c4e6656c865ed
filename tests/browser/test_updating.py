"""A device that gets newer firmware by one click on the page."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser, expect

from tests.browser.running import running
from tests.browser.test_manage import let_in
from tests.support.board_flash import BOARD, make_flash, make_image
from tests.support.device import device
from tests.support.releases import put_release


async def test_a_device_is_updated_by_one_click(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    put_release(tmp_path / "releases", BOARD, "0.2.0", app=make_image("0.2.0"))
    flash = make_flash(tmp_path / "flash.bin", make_image("0.1.0"))
    with running(tmp_path) as gateway:
        page = await browser.new_page()
        await page.goto(gateway.link())
        row = await let_in(page, "attic")
        key = await page.locator("#enrolled-key").inner_text()
        url = gateway.url.replace("http:", "https:", 1)
        async with device(tmp_path / "attic", "--flash", str(flash), url=url, key=key) as own:
            await own.live()
            await row.get_by_role("button", name="Update to 0.2.0").click()
            await expect(row).to_contain_text("Update to 0.2.0: it has it")
            assert (await own.ask("state"))["fw"] == "0.2.0"
            await expect(row.get_by_role("button", name="Update to 0.2.0")).to_be_hidden()
        await expect(row).to_have_attribute("data-state", "away")
