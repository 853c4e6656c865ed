"""Media processes live apart; what goes wrong in a bot is in test_bot_trouble."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.gateway import GatewayProcess, alive, children, client, serving
from tests.support.peer import Peer, calling, gaps
from tests.support.waiting import eventually, until

TONES = [330.0, 550.0, 770.0, 990.0]
LONGEST_GAP = 1.0
"""Seconds without one's tone that pass for the shared machine's doing; a lost call's gap never ends."""


SETTINGS = {
    "media": 2,  # not what ships: with one there is no neighbour to spare
    "limits": {"offers_per_minute": 6_000, "media_silence_s": 3.0},
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _shared_by_all(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    async with serving(tmp_path_factory.mktemp("two"), SETTINGS) as started:
        yield started


@pytest.fixture
async def gateway(_shared_by_all: GatewayProcess) -> AsyncIterator[GatewayProcess]:
    """A gateway with two workers, both ready, and no sessions."""

    async def ready() -> bool:
        return [w["ready"] for w in (await health(_shared_by_all))["workers"]] == [True, True]

    await eventually(ready, "both workers are ready", 90)
    _shared_by_all.forget_log()
    yield _shared_by_all
    await _shared_by_all.idle()


def device(name: str) -> dict[str, dict[str, str]]:
    return {"device": {"id": name}}


async def worker_of(gateway: GatewayProcess, name: str) -> int:
    """The number of the worker that a device's call lives in."""
    [session] = [s for s in await gateway.sessions() if s["device"] == name]
    return int(session["worker"])


async def calls(gateway: GatewayProcess, stack: AsyncExitStack) -> dict[float, Peer]:
    """Two calls in each worker, each with a tone of its own."""
    peers = {}
    for hertz in TONES:
        peer = await stack.enter_async_context(
            Peer(gateway.url, hertz=hertz, request_data=device(f"d{hertz:g}"))
        )
        peers[hertz] = await peer.connect()
    return peers


async def stalling(pids: list[int]) -> None:
    """Let processes run a ninth of the time, as a machine does that has too much to do; until it is cancelled."""
    try:
        while True:
            for number, seconds in ((signal.SIGSTOP, 0.31), (signal.SIGCONT, 0.04)):
                for pid in pids:
                    os.kill(pid, number)
                await asyncio.sleep(seconds)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_a_gateway_whose_calls_are_late_takes_no_more_until_they_are_not(
    gateway: GatewayProcess,
) -> None:
    async def full() -> bool:
        return all(float(str(w["load"])) >= 1 for w in (await health(gateway))["workers"])

    async def calm() -> bool:
        return not await full()

    async with calling(gateway.url) as first, calling(gateway.url), Peer(gateway.url) as third:
        stall = asyncio.create_task(stalling(gateway.workers()))
        try:
            await eventually(full, "its workers are late")
            refused = await third.post(await third.offer())
            assert (refused.status_code, refused.json()["code"]) == (503, "busy")
            assert "ms late" in refused.json()["detail"]
            assert int(refused.headers["Retry-After"]) > 2
        finally:
            stall.cancel()
            await asyncio.gather(stall, return_exceptions=True)
        await first.hears()
        await eventually(calm, "they are in time again")
        await third.connect()
        await third.hears()


def niceness(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


async def test_sound_goes_before_bots_where_the_system_lets_it(gateway: GatewayProcess) -> None:
    async with calling(gateway.url):
        media = gateway.workers()
        bots = [
            pid
            for worker in media
            for template in children(worker)
            for pid in (template, *children(template))
        ]
        assert len(bots) > len(media)
        assert {niceness(pid) for pid in bots} == {max(0, niceness(gateway.pid))}
        if os.geteuid() == 0:
            assert {niceness(pid) for pid in media} == {-5}


async def test_calls_at_once_each_hear_only_themselves(gateway: GatewayProcess) -> None:
    async with AsyncExitStack() as stack:
        peers = await calls(gateway, stack)
        await asyncio.gather(*(peer.hears() for peer in peers.values()))
        assert {s["worker"] for s in await gateway.sessions()} == {0, 1}
        heard = await asyncio.gather(*(peer.heard_more(2) for peer in peers.values()))
        for hertz, samples in zip(peers, heard, strict=True):
            assert gaps(samples, hertz) <= LONGEST_GAP + peers[hertz].late
            for other in set(TONES) - {hertz}:
                assert gaps(samples, other) >= 1.9, f"{hertz:g} Hz heard {other:g} Hz"


async def health(gateway: GatewayProcess) -> dict[str, list[dict[str, object]]]:
    async with client(gateway.url) as http:
        found: dict[str, list[dict[str, object]]] = (await http.get("/healthz")).json()
    return found


async def test_media_that_hang_are_replaced_and_their_bots_end(gateway: GatewayProcess) -> None:
    async with (
        calling(gateway.url, hertz=660, request_data=device("x")) as one,
        calling(gateway.url, hertz=880, request_data=device("y")) as other,
    ):
        await one.hears()
        await other.hears()
        guilty, victims = gateway.workers()[0], bots_of(gateway.workers()[0])
        assert victims
        os.kill(guilty, signal.SIGSTOP)
        await gateway.logged("is blocked: no heartbeat")
        await until(lambda: not any(map(alive, [guilty, *victims])), "they have ended")

        async def is_over() -> bool:
            return len(await gateway.sessions()) == 1

        await eventually(is_over, "the call that it had is over")
        [left] = await gateway.sessions()
        spared = one if left["device"] == "x" else other
        assert gaps(await spared.heard_more(2), spared.hertz) <= LONGEST_GAP + spared.late


def bots_of(worker: int) -> list[int]:
    """The template of a media process, and its bots."""
    templates = children(worker)
    return [*templates, *(bot for template in templates for bot in children(template))]


async def test_a_killed_worker_is_replaced_and_its_devices_reconnect(gateway: GatewayProcess) -> None:
    victims = gateway.workers()
    assert len(victims) == 2
    async with AsyncExitStack() as stack:
        peers = await calls(gateway, stack)
        await asyncio.gather(*(peer.hears() for peer in peers.values()))
        os.kill(victims[0], signal.SIGKILL)
        await gateway.logged("calls are lost")
        await until(lambda: len(gateway.workers()) == 2, "the worker is replaced", 60)
        left = {s["device"] for s in await gateway.sessions()}
        assert len(left) == 2
        for hertz, peer in peers.items():
            if f"d{hertz:g}" in left:
                assert gaps(await peer.heard_more(2), hertz) <= LONGEST_GAP + peer.late
        await gateway.logged("is back")
        for hertz in (h for h in TONES if f"d{h:g}" not in left):
            await stack.enter_async_context(
                calling(gateway.url, hertz=hertz, request_data=device(f"d{hertz:g}"))
            )
        assert {s["device"] for s in await gateway.sessions()} == {f"d{h:g}" for h in TONES}


async def test_without_calls_workers_end_with_the_front_process(tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway:
        workers = gateway.workers()
        gateway.process.kill()
        await until(lambda: not any(alive(pid) for pid in workers), "the workers have ended")


async def test_calls_can_live_in_the_front_process(tmp_path: Path) -> None:
    async with serving(tmp_path, {"in_process": True}) as gateway:
        assert gateway.workers() == []
        async with calling(gateway.url) as peer:
            await peer.hears()
            assert (await gateway.sessions())[0]["worker"] == 0
        assert await gateway.ended() == ["client_left"]
        assert await gateway.stop() == 0
