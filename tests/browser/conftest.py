"""A gateway and a browser for all of these tests; each has a context, which is a fresh profile, of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.chromium import chromium, executable, microphone
from tests.browser.running import ROOT, Running, running
from tests.support.waiting import PATIENCE

expect.set_options(timeout=1_000 * PATIENCE)
QUESTION = ROOT / "tests" / "data" / "speech" / "what_time_is_it.wav"  # flite -voice slt


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    skip = pytest.mark.skip(reason="Chromium is not installed: apt install chromium")
    for item in items:
        if here in item.path.parents:
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)  # the browser's
            if executable() is None:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("gateway")) as process:
        yield process


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _chromium() -> AsyncIterator[Browser]:
    async with chromium() as process:
        yield process


@pytest_asyncio.fixture(loop_scope="session")
async def browser(_chromium: Browser) -> AsyncIterator[Browser]:
    yield _chromium
    for context in _chromium.contexts:
        await context.close()


@pytest.fixture(scope="session")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody asks for the time."""
    return microphone(QUESTION, tmp_path_factory.mktemp("microphone") / "question.wav")
