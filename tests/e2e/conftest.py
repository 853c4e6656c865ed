from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.gateway import GatewayProcess, serving


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    async with serving(tmp_path_factory.mktemp("echo"), {"limits": {"offers_per_minute": 6_000}}) as gateway:
        yield gateway


@pytest_asyncio.fixture
async def echo(_shared: GatewayProcess) -> AsyncIterator[GatewayProcess]:
    """The shared gateway with the echo bot, without sessions before and after."""
    await _shared.idle()
    _shared.forget_log()
    yield _shared
    await _shared.idle()
