"""What dies, sleeps or is cut off costs what docs/scale.md says, and nothing else."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.hosts.conftest import Fleet
from tests.support import machines
from tests.support.gateway import client, voicegw
from tests.support.machines import calling_from_here, enrol, hosting, revoke
from tests.support.peer import Peer
from tests.support.waiting import eventually, until

pytestmark = [
    pytest.mark.skipif(not machines.possible(), reason=machines.WHY_NOT),
    pytest.mark.asyncio(loop_scope="module"),
]


async def there_again(fleet: Fleet, count: int) -> None:
    for front in fleet.fronts:
        await machines.hosts_there(front, count)


async def hears_anew(peer: Peer) -> None:
    """Its tone comes back now, and not only before."""
    await peer.heard_more(1.0)
    await peer.hears()


async def test_a_host_that_is_cut_off_from_nats_keeps_its_calls_and_no_twin_is_made(fleet: Fleet) -> None:
    key = await enrol(fleet.fronts[0], "cut")
    async with calling_from_here(fleet.fronts[0], key) as peer:
        await peer.connect()
        [before] = await fleet.sessions()
        host = fleet.host_of(before)
        with host.machine.cut_off_from(fleet.nats.machine):
            await there_again(fleet, 1)
            await hears_anew(peer)
            other = await enrol(fleet.fronts[0], "meanwhile")
            async with calling_from_here(fleet.fronts[1], other) as second:
                await second.connect()
                await second.hears()
        await there_again(fleet, 2)

        async def known() -> bool:
            return [s["id"] for s in await fleet.sessions(1)] == [before["id"]]

        await eventually(known, "its call is on the page again, and no other")
        await hears_anew(peer)
    await fleet.idle()


async def test_a_host_that_sleeps_is_passed_by_and_its_client_is_elsewhere_when_it_wakes(
    fleet: Fleet,
) -> None:
    key = await enrol(fleet.fronts[0], "sleepy")
    async with calling_from_here(fleet.fronts[0], key) as peer:
        await peer.connect()
        [before] = await fleet.sessions()
        host = fleet.host_of(before)
        with host.machine.paused():
            await peer.restart()  # as a device does once it hears nothing
            assert not peer.answer.get("resumed")
            await peer.hears()
            keys = [await enrol(fleet.fronts[0], f"awake{n}") for n in range(3)]
            for n, other in enumerate(keys):  # NATS knows of no sleep: some are asked of the sleeper first
                async with calling_from_here(fleet.fronts[n % 2], other) as second:
                    await second.connect()
        await there_again(fleet, 2)

        async def one() -> bool:
            return [s["device"] for s in await fleet.sessions(1)] == ["sleepy"]

        await eventually(one, "the call that it had is ended")
        [after] = await fleet.sessions()
        assert after["host"] != before["host"]
        await hears_anew(peer)
    await fleet.idle()


async def test_while_nats_is_away_calls_go_on_and_whatever_is_shared_is_refused(fleet: Fleet) -> None:
    key, other = await enrol(fleet.fronts[0], "before"), await enrol(fleet.fronts[1], "later")
    config = str(fleet.fronts[0].directory / "voicegw.toml")
    async with calling_from_here(fleet.fronts[0], key) as peer:
        await peer.connect()
        fleet.nats.stop()
        try:
            await fleet.fronts[0].logged("NATS does not answer")
            await hears_anew(peer)
            for front in fleet.fronts:  # who is known is known still, and is told to wait
                async with calling_from_here(front, other) as second:
                    refused = await second.post(await second.offer())
                    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
                async with client(front.url, key="vgw_" + "x" * 43) as stranger:
                    unknown = await stranger.post("/api/offer", json={"sdp": "v=0", "type": "offer"})
                    assert unknown.status_code == 401
            done = await asyncio.to_thread(voicegw, "devices", "--config", config, "add", "impossible")
            assert done.returncode == 1
            assert "NATS does not answer" in done.stderr
            assert "Traceback" not in done.stderr
        finally:
            fleet.nats.start()
            await fleet.nats.ready()
        await there_again(fleet, 2)
        await revoke(fleet.fronts[0], "before")
        await peer.closed()
        assert peer.error() == "revoked"
    async with calling_from_here(fleet.fronts[1], other) as second:
        await second.connect()
        await second.hears()
    await fleet.idle()


async def test_two_hosts_of_one_name_both_carry_calls_and_that_is_said(fleet: Fleet) -> None:
    machine = fleet.bridge.machine()
    settings = {"name": fleet.hosts[0].name}
    async with hosting(machine, fleet.directory / "namesake", fleet.nats.url, settings) as namesake:
        await there_again(fleet, 3)
        await fleet.fronts[0].logged(f"two hosts are called {namesake.name}")
        keys = [await enrol(fleet.fronts[0], f"namesakes{n}") for n in range(4)]
        async with AsyncExitStack() as stack:
            for key in keys:
                peer = await stack.enter_async_context(calling_from_here(fleet.fronts[0], key))
                await peer.connect()
            assert len(await fleet.sessions(1)) == 4
        await fleet.idle()
    await there_again(fleet, 2)


async def test_a_host_that_stops_sends_its_calls_elsewhere(fleet: Fleet) -> None:
    machine = fleet.bridge.machine()
    key = await enrol(fleet.fronts[0], "moved")
    async with hosting(machine, fleet.directory / "leaving", fleet.nats.url) as leaving:
        await there_again(fleet, 3)
        others = [host.machine for host in fleet.hosts]
        for other in others:
            other.signal(machines.STOP)
        async with calling_from_here(fleet.fronts[0], key) as peer:
            await peer.connect()
            for other in others:
                other.signal(machines.GO_ON)
            await there_again(fleet, 3)
            leaving.process.terminate()
            await peer.closed()
            assert peer.error() == "stopping"
            await until(lambda: leaving.process.poll() == 0, "the host has ended")
        async with calling_from_here(fleet.fronts[1], key) as again:
            await again.connect()
            await again.hears()
    await there_again(fleet, 2)
    await fleet.idle()


async def test_of_a_host_whose_main_process_is_killed_the_calls_go_on_and_its_next_start_has_them(
    fleet: Fleet,
) -> None:
    machine, directory = fleet.bridge.machine(), fleet.directory / "restarted"
    key = await enrol(fleet.fronts[0], "outlives")
    async with hosting(machine, directory, fleet.nats.url) as first:
        await there_again(fleet, 3)
        others = [host.machine for host in fleet.hosts]
        for other in others:
            other.signal(machines.STOP)
        async with calling_from_here(fleet.fronts[0], key) as peer:
            await peer.connect()
            for other in others:
                other.signal(machines.GO_ON)
            await there_again(fleet, 3)
            [before] = await fleet.sessions()
            assert before["host"] == first.name
            first.process.kill()
            first.process.wait()
            await hears_anew(peer)
            async with hosting(machine, directory, fleet.nats.url):

                async def known() -> bool:
                    return all([[s["id"] for s in await fleet.sessions(n)] == [before["id"]] for n in (0, 1)])

                await eventually(known, "its next start has the call, and both fronts know")
                await hears_anew(peer)
                await peer.restart()
                assert peer.answer["resumed"]
    await there_again(fleet, 2)
    await fleet.idle()


async def test_a_killed_host_costs_its_own_calls_and_they_live_elsewhere(fleet: Fleet) -> None:
    """The last one: it does not come back."""
    keys = [await enrol(fleet.fronts[0], f"mortal{n}") for n in range(4)]
    async with AsyncExitStack() as stack:
        peers = [
            await stack.enter_async_context(calling_from_here(fleet.fronts[n % 2], key))
            for n, key in enumerate(keys)
        ]
        await asyncio.gather(*(peer.connect() for peer in peers))
        sessions = {s["device"]: s for s in await fleet.sessions()}
        victim = fleet.host_of(sessions["mortal0"])
        victim.machine.die()
        await there_again(fleet, 1)
        for n, peer in enumerate(peers):
            if sessions[f"mortal{n}"]["host"] == victim.name:
                await peer.restart()
            await hears_anew(peer)

        async def settled() -> bool:
            found = await fleet.sessions(1)
            return len(found) == 4 and all(s["host"] != victim.name for s in found)

        await eventually(settled, "each has one call, on a host that lives")
    await fleet.idle()


async def test_a_killed_front_costs_no_call(fleet: Fleet) -> None:
    key = await enrol(fleet.fronts[1], "orphan")
    async with calling_from_here(fleet.fronts[1], key) as peer:
        await peer.connect()
        machines.machine_of(fleet.fronts.pop()).die()
        await hears_anew(peer)
        [session] = await fleet.sessions()
        assert session["device"] == "orphan"
        peer.http = client(fleet.fronts[0].url, key=key)
        await peer.restart()
        assert peer.answer["resumed"]
        await hears_anew(peer)
    await fleet.idle()
