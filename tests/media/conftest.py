"""A template of its own for each test that takes it; forked from, and of whole programs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.media.bots import Bots
from tests.media.running import running


@pytest.fixture(params=[True, False], ids=["forked", "spawned"])
async def bots(request: pytest.FixtureRequest) -> AsyncIterator[Bots]:
    async with running(forks=request.param) as bots:
        yield bots
