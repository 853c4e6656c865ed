"""Several calls in the process of one bot, as `calls_per_bot_process` allows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.support.gateway import BOTS, GatewayProcess, children, serving
from tests.support.peer import Peer, calling
from tests.support.waiting import until

SETTINGS = {
    "bot": str(BOTS / "misbehaves.py"),
    "calls_per_bot_process": 2,
    "limits": {"offers_per_minute": 6_000},  # the tests' own: they call more often than a home does
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _shared_by_all(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    async with serving(tmp_path_factory.mktemp("packs"), SETTINGS) as started:
        yield started


@pytest.fixture
async def gateway(_shared_by_all: GatewayProcess) -> AsyncIterator[GatewayProcess]:
    """A gateway that nobody calls."""
    yield _shared_by_all
    await _shared_by_all.idle()


def busy(gateway: GatewayProcess) -> int:
    """How many processes hold calls."""
    [template] = children(gateway.workers()[0])
    return len(children(template)) - 1  # and a spare


async def talking(gateway: GatewayProcess, stack: AsyncExitStack, number: int) -> list[Peer]:
    peers = []
    for n in range(number):
        options = {"hertz": 440.0 + 220 * n, "request_data": {"device": {"id": f"d{n}"}}}
        peers.append(await stack.enter_async_context(calling(gateway.url, **options)))
    for peer in peers:
        await peer.hears()
    return peers


def errors(peer: Peer) -> list[str]:
    return [m["data"]["error"] for m in peer.messages if m.get("type") == "error"]


async def test_calls_share_a_process_and_hear_only_themselves(gateway: GatewayProcess) -> None:
    async with AsyncExitStack() as stack:
        await talking(gateway, stack, 3)
        await until(lambda: busy(gateway) == 2, "two processes hold three calls")
    await until(lambda: busy(gateway) == 0, "none is left over")


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("raise", "RuntimeError: asked to raise"),
        ("sys.exit", "exit status no key for its model"),
        ("interrupt", "KeyboardInterrupt"),
    ],
)
async def test_what_a_bot_raises_is_its_own(gateway: GatewayProcess, trouble: str, says: str) -> None:
    async with AsyncExitStack() as stack:
        one, other = await talking(gateway, stack, 2)
        one.send(json.dumps({"type": trouble}))
        await until(lambda: errors(one) == ["bot_failed"], "it is told")
        await gateway.logged(says)
        await one.hears()
        assert errors(other) == []


async def test_a_bot_that_stops_the_loop_costs_nobody_anything(gateway: GatewayProcess) -> None:
    async with AsyncExitStack() as stack:
        one, other = await talking(gateway, stack, 2)
        one.send(json.dumps({"type": "stop"}))
        one.send(json.dumps({"type": "leave"}))
        await one.closed()
        assert errors(one) == ["bot_ended"]
        await other.heard_more(1)
        assert errors(other) == []


async def test_what_ends_a_process_ends_all_its_bots_and_their_calls_go_on(gateway: GatewayProcess) -> None:
    async with AsyncExitStack() as stack:
        one, other = await talking(gateway, stack, 2)
        one.send(json.dumps({"type": "exit"}))
        await until(lambda: errors(one) == errors(other) == ["bot_failed"], "both are told")
        silent = other.ear.seconds
        await until(lambda: other.ear.seconds > silent + 1, "it has heard on")
        await one.hears()
        await other.hears()
