"""A gateway for all of these tests, and a browser for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
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
        if here in item.path.parents and executable() is None:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("gateway")) as process:
        yield process


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as process:
        yield process


@pytest.fixture(scope="session")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody asks for the time."""
    return microphone(QUESTION, tmp_path_factory.mktemp("microphone") / "question.wav")
