"""A front process that dies takes no call with it: the next one takes them over, or they end after a while."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from tests.support.gateway import GatewayProcess, alive, serving
from tests.support.peer import calling, gaps
from tests.support.waiting import eventually, until

LONGEST_GAP = 1.0
"""Seconds without one's tone that pass for the shared machine's doing; a lost call's gap never ends."""
DEVICE = {"device": {"id": "kitchen", "board": "sim"}}


async def killed(gateway: GatewayProcess) -> list[int]:
    """Kill the front process alone; gives the processes of its calls."""
    workers = gateway.workers()
    gateway.process.kill()
    await asyncio.to_thread(gateway.process.wait)
    return workers


async def test_calls_go_on_for_the_next_front(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(
            serving(tmp_path / "first", {"data_dir": str(tmp_path / "data")})
        )
        kitchen = await stack.enter_async_context(calling(first.url, request_data=DEVICE))
        page = await stack.enter_async_context(calling(first.url, hertz=880, request_data=None))
        await kitchen.hears()
        await page.hears()
        before = {peer: peer.ear.seconds for peer in (kitchen, page)}
        known = {s["id"] for s in await first.sessions()}
        [media] = await killed(first)

        second = await stack.enter_async_context(
            serving(tmp_path / "second", {"data_dir": str(tmp_path / "data")}, port=first.port)
        )
        assert {s["id"] for s in await second.sessions()} == known
        assert {s["device"] for s in await second.sessions()} == {"kitchen", None}
        assert media not in second.workers()
        await kitchen.restart()
        await kitchen.hears()
        assert {s["id"] for s in await second.sessions()} == known
        assert gaps(page.ear.since(before[page]), 880) <= LONGEST_GAP + page.late

        other = await stack.enter_async_context(
            calling(second.url, hertz=660, request_data={"device": {"id": "x"}})
        )
        await other.hears()
        again = await stack.enter_async_context(calling(second.url, request_data=DEVICE))
        await again.hears()
        await kitchen.closed()
        assert kitchen.error() == "replaced"
        await page.pc.close()
        await until(lambda: not alive(media), "the process of the old calls has ended with them")
        assert len(await second.sessions()) == 2


async def test_calls_that_no_front_takes_over_end(tmp_path: Path) -> None:
    async with serving(tmp_path, {"limits": {"front_lost_s": 2}}) as doomed, calling(doomed.url) as peer:
        await peer.hears()
        [media] = await killed(doomed)
        await peer.closed()
        assert peer.error() == "stopping"
        await until(lambda: not alive(media), "the process has ended")
    assert list((tmp_path / "data" / "media").iterdir()) == []


async def test_a_gateway_takes_no_calls_from_one_that_runs(tmp_path: Path) -> None:
    settings = {"data_dir": str(tmp_path / "data")}
    async with serving(tmp_path / "one", settings) as one, calling(one.url, request_data=DEVICE) as peer:
        await peer.hears()
        async with serving(tmp_path / "two", settings) as two:
            assert await two.sessions() == []
            await peer.hears()

            async def unchanged() -> bool:
                return len(await one.sessions()) == 1

            await eventually(unchanged, "it is where it was")


async def test_a_front_that_is_told_to_stop_ends_its_calls(tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, calling(gateway.url) as peer:
        workers = gateway.workers()
        assert await gateway.stop() == 0
        assert not any(map(alive, workers))
        await peer.closed()
        assert peer.error() == "stopping"
