"""Calls live apart: in another process, or at least in another task."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.gateway import BOTS, GatewayProcess, alive, client, serving
from tests.support.peer import Peer, calling, gaps
from tests.support.waiting import eventually, until

TONES = [330.0, 440.0, 550.0, 660.0, 770.0, 880.0, 990.0, 1_100.0]
LONGEST_GAP = 1.0
"""Seconds without one's tone that pass for the shared machine's doing; a lost call's gap never ends."""


SETTINGS = {
    "workers": 2,  # not what ships: with one, whoever blocks or ends it has no neighbour to spare
    "bots": {"rascal": str(BOTS / "misbehaves.py")},
    "limits": {"offers_per_minute": 6_000, "worker_silence_s": 3.0},
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
    """Eight calls, each with a tone of its own."""
    peers = {}
    for hertz in TONES:
        peer = await stack.enter_async_context(
            Peer(gateway.url, hertz=hertz, request_data=device(f"d{hertz:g}"))
        )
        peers[hertz] = await peer.connect()
    return peers


async def test_eight_calls_at_once_each_hear_only_themselves(gateway: GatewayProcess) -> None:
    async with AsyncExitStack() as stack:
        peers = await calls(gateway, stack)
        await asyncio.gather(*(peer.hears() for peer in peers.values()))
        assert {s["worker"] for s in await gateway.sessions()} == {0, 1}
        heard = await asyncio.gather(*(peer.heard_more(1) for peer in peers.values()))
        for hertz, samples in zip(peers, heard, strict=True):
            assert gaps(samples, hertz) <= LONGEST_GAP
            for other in set(TONES) - {hertz}:
                assert gaps(samples, other) >= 0.9, f"{hertz:g} Hz heard {other:g} Hz"


async def unharmed(gateway: GatewayProcess, trouble: str, reason: str) -> None:
    """Make trouble in one worker: calls of the other go on, and so does the gateway."""
    async with AsyncExitStack() as stack:
        rascal = await stack.enter_async_context(calling(gateway.url, request_data=device("rascal")))
        others = [
            await stack.enter_async_context(calling(gateway.url, hertz=h, request_data=device(f"d{h:g}")))
            for h in TONES[:4]
        ]
        guilty = await worker_of(gateway, "rascal")
        places = {h: await worker_of(gateway, f"d{h:g}") for h in TONES[:4]}
        spared = [peer for peer in others if places[peer.hertz] != guilty]
        assert spared
        await asyncio.gather(*(peer.hears() for peer in spared))
        before = {peer: peer.ear.seconds for peer in spared}
        rascal.send(json.dumps({"type": trouble}))
        await gateway.logged(reason)
        await asyncio.gather(*(peer.heard_more(1) for peer in spared))
        for peer in spared:
            assert gaps(peer.ear.since(before[peer]), peer.hertz) <= LONGEST_GAP

    async with calling(gateway.url, request_data=device("rascal")) as peer:
        await peer.hears()


async def health(gateway: GatewayProcess) -> dict[str, list[dict[str, object]]]:
    async with client(gateway.url) as http:
        found: dict[str, list[dict[str, object]]] = (await http.get("/healthz")).json()
    return found


async def test_a_bot_that_raises_costs_its_own_call_only(gateway: GatewayProcess) -> None:
    async with (
        calling(gateway.url, request_data=device("rascal")) as rascal,
        calling(gateway.url, hertz=660, request_data=device("x")),
        calling(gateway.url, hertz=880, request_data=device("y")) as neighbour,
    ):
        assert await worker_of(gateway, "rascal") == await worker_of(gateway, "y")
        await neighbour.hears()
        rascal.send('{"type": "raise"}')
        await rascal.closed()
        assert rascal.error() == "bot_failed"
        assert gaps(await neighbour.heard_more(1), 880) <= LONGEST_GAP
    assert "RuntimeError: asked to raise" in gateway.log()


async def test_a_bot_that_blocks_its_loop_costs_its_own_worker_only(gateway: GatewayProcess) -> None:
    await unharmed(gateway, "block", "is blocked: no heartbeat")


async def test_a_bot_that_ends_its_process_costs_its_own_worker_only(gateway: GatewayProcess) -> None:
    await unharmed(gateway, "exit", "died (7)")


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
        assert len(left) == 4
        for hertz, peer in peers.items():
            if f"d{hertz:g}" in left:
                assert gaps(await peer.heard_more(1), hertz) <= LONGEST_GAP
        await gateway.logged("is back")
        for hertz in (h for h in TONES if f"d{h:g}" not in left):
            await stack.enter_async_context(
                calling(gateway.url, hertz=hertz, request_data=device(f"d{hertz:g}"))
            )
        assert {s["device"] for s in await gateway.sessions()} == {f"d{h:g}" for h in TONES}


async def test_workers_end_when_the_front_process_is_killed(tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway:
        workers = gateway.workers()
        async with calling(gateway.url) as peer:
            gateway.process.kill()
            await until(lambda: not any(alive(pid) for pid in workers), "the workers have ended")
            await peer.closed()
            assert peer.error() == "stopping"


async def test_calls_can_live_in_the_front_process(tmp_path: Path) -> None:
    async with serving(tmp_path, {"workers": 0}) as gateway:
        assert gateway.workers() == []
        async with calling(gateway.url) as peer:
            await peer.hears()
            assert (await gateway.sessions())[0]["worker"] == 0
        assert await gateway.ended() == ["client_left"]
        assert await gateway.stop() == 0


async def test_a_blocked_worker_does_not_outlive_a_killed_gateway(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SETTINGS) as doomed,
        calling(doomed.url, request_data=device("rascal")) as rascal,
    ):
        workers = doomed.workers()
        rascal.send('{"type": "block"}')
        os.kill(doomed.pid, signal.SIGKILL)
        await until(lambda: not any(map(alive, workers)), "no worker is left")
