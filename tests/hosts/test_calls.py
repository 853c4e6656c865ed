"""Calls on other machines: hosts on machines of their own, two fronts, and a real NATS between them."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack

import pytest

from ground import priority
from tests.hosts.conftest import Fleet
from tests.support import machines
from tests.support.gateway import client
from tests.support.machines import calling_from_here, enrol, revoke

pytestmark = [
    pytest.mark.skipif(not machines.possible(), reason=machines.WHY_NOT),
    pytest.mark.asyncio(loop_scope="module"),
]


async def test_a_device_keyed_at_one_front_calls_at_the_other_and_hears_itself_straight_from_a_host(
    fleet: Fleet,
) -> None:
    key = await enrol(fleet.fronts[0], "kitchen")
    async with calling_from_here(fleet.fronts[1], key) as peer:
        await peer.connect()
        await peer.hears()
        lines = [x for x in peer.answer["sdp"].splitlines() if "candidate" in x and "end-of" not in x]
        assert {x.split()[4] for x in lines} <= {h.machine.address for h in fleet.hosts}
        for front in range(2):  # both know of it, and where it is
            [session] = await fleet.sessions(front)
            assert session["device"] == "kitchen"
            assert session["host"] in {h.name for h in fleet.hosts}
    await fleet.idle()


async def test_a_host_answers_before_what_else_its_machine_does(fleet: Fleet) -> None:
    assert {os.getpriority(os.PRIO_PROCESS, host.process.pid) for host in fleet.hosts} == {priority.NICE}


async def test_calls_are_spread_over_the_hosts(fleet: Fleet) -> None:
    keys = [await enrol(fleet.fronts[0], f"many{n}") for n in range(6)]
    async with AsyncExitStack() as stack:
        for n, key in enumerate(keys):
            peer = await stack.enter_async_context(calling_from_here(fleet.fronts[n % 2], key))
            await peer.connect()
        sessions = await fleet.sessions()
        assert len(sessions) == 6
    await fleet.idle()


async def test_a_call_is_found_at_whichever_front_its_client_comes_to(fleet: Fleet) -> None:
    key = await enrol(fleet.fronts[0], "roaming")
    async with calling_from_here(fleet.fronts[0], key) as peer:
        await peer.connect()
        first = peer.answer.get("session_id")
        peer.http = client(fleet.fronts[1].url, key=key)
        patched = await peer.http.patch("/api/offer", json={"pc_id": peer.answer["pc_id"], "candidates": []})
        assert patched.status_code == 200, patched.text
        await peer.restart()
        assert peer.answer["resumed"]
        assert peer.answer.get("session_id") == first
        await peer.hears()
        [_only] = await fleet.sessions()
    await fleet.idle()


async def test_a_key_revoked_at_one_front_is_dead_at_the_other_and_its_call_ends(fleet: Fleet) -> None:
    key = await enrol(fleet.fronts[0], "stolen")
    async with calling_from_here(fleet.fronts[1], key) as peer:
        await peer.connect()
        await revoke(fleet.fronts[0], "stolen")
        await peer.closed()
        assert peer.error() == "revoked"
        again = await peer.post("v=0")
        assert (again.status_code, again.json()["code"]) == (401, "key_required")
    await fleet.idle()


async def test_of_a_devices_two_calls_at_two_fronts_the_later_one_goes_on(fleet: Fleet) -> None:
    key = await enrol(fleet.fronts[0], "twice")
    async with calling_from_here(fleet.fronts[0], key) as one, calling_from_here(fleet.fronts[1], key) as two:
        await one.connect()
        await two.connect()
        await one.closed()
        assert one.error() == "replaced"
        await two.hears()
        [session] = await fleet.sessions()
        assert session["device"] == "twice"
    await fleet.idle()
