"""Chromium for the comparison: pages of new profiles."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from playwright.async_api import Page, async_playwright

from tests.browser.chromium import FLAGS, executable, watched
from tests.unchanged import bundle


@contextlib.asynccontextmanager
async def browser_page(*secure: str) -> AsyncIterator[Page]:
    """A page of a new profile, that gets a microphone at these origins too."""
    more = [f"--unsafely-treat-insecure-origin-as-secure={','.join(secure)}"] if secure else []
    flags = [*FLAGS, "--use-fake-ui-for-media-stream", *more]
    async with async_playwright() as playwright:
        process = await playwright.chromium.launch(executable_path=executable(), args=flags)
        try:
            page = await process.new_page()
            await watched(page)
            yield page
        finally:
            await process.close()


@contextlib.asynccontextmanager
async def calling(name: str, url: str) -> AsyncIterator[Page]:
    """One of our pages, from a dev server of another origin, that has called this server."""
    with bundle.served() as origin:
        async with browser_page() as page:
            await page.goto(f"{origin}/{name}")
            await page.wait_for_function("() => window.call !== undefined")
            await page.evaluate("(url) => window.call(url)", url)
            yield page
