"""A gateway on LANs: who gets in, by which address, and what it announces. In a network namespace: root only."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.front import announcing, discovery
from gateway.wire import sdp
from gateway.wire.sdp_lint import lint
from tests.support import lan
from tests.support.gateway import ROOT, GatewayProcess, client, serving, voicegw
from tests.support.offers import captured
from tests.support.peer import DEVICE, Peer, gathering_on
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not lan.possible(), reason="network namespaces need root and iproute2")


@pytest.fixture(scope="module")
def machine() -> Iterator[lan.Machine]:
    with lan.machine() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")  # its threads are on the machine's network alone
async def running(
    machine: lan.Machine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    directory = tmp_path_factory.mktemp("lan")
    settings = {"name": "testgw", "limits": {"offers_per_minute": 6_000}}
    async with serving(directory, settings, host="::", prefix=machine.prefix) as started:
        yield started


@pytest.fixture(scope="module")
def key(running: GatewayProcess) -> str:
    return enrol(running, "kitchen")


def enrol(gateway: GatewayProcess, name: str) -> str:
    config = str(gateway.directory / "voicegw.toml")
    done = voicegw("devices", "--config", config, "add", name, "--json")
    return str(json.loads(done.stdout)["key"])


def url(machine: lan.Machine, gateway: GatewayProcess, number: int, *, v6: bool = False) -> str:
    there = machine.there(number, v6=v6)
    return f"https://{f'[{there}]' if v6 else there}:{gateway.port}"


def gathering(*addresses: str) -> Callable[[], AbstractContextManager[None]]:
    return partial(gathering_on, *addresses)


@pytest.mark.parametrize("v6", [False, True])
async def test_the_lan_needs_a_key(machine: lan.Machine, running: GatewayProcess, *, v6: bool) -> None:
    async with client(url(machine, running, 1, v6=v6)) as http:
        response = await http.post("/api/offer", json={"sdp": captured("libpeer"), "type": "offer"})
        assert (response.status_code, response.json()["code"]) == (401, "key_required")
        for path in ("/api/state", "/api/devices", "/metrics", "/api/events"):
            assert (await http.get(path)).status_code == 401


@pytest.mark.parametrize("number", lan.NUMBERS)
async def test_a_device_gets_the_address_that_its_offer_arrived_on(
    machine: lan.Machine, running: GatewayProcess, key: str, number: int
) -> None:
    gather = gathering(machine.here(1), machine.here(2))
    async with Peer(url(machine, running, number), key=key, gather=gather) as peer:
        await peer.connect()
        [candidate] = sdp.parse(peer.answer["sdp"]).candidates
        assert candidate.address == machine.there(number)
        assert lint(peer.answer["sdp"]) == []
        await peer.hears()


async def test_an_offer_over_ipv6_gets_ipv4_media(
    machine: lan.Machine, running: GatewayProcess, key: str
) -> None:
    gather = gathering(machine.here(2))
    async with Peer(url(machine, running, 1, v6=True), key=key, gather=gather) as peer:
        await peer.connect()
        [candidate] = sdp.parse(peer.answer["sdp"]).candidates
        assert candidate.address == machine.there(2)
        await peer.hears()


async def test_a_peer_of_ipv6_alone_is_served(
    machine: lan.Machine, running: GatewayProcess, key: str
) -> None:
    gather = gathering(machine.here(1, v6=True))
    async with Peer(url(machine, running, 1, v6=True), key=key, gather=gather, request_data=None) as peer:
        await peer.connect()
        await peer.hears()


async def test_a_restart_over_another_lan_moves_the_media(
    machine: lan.Machine, running: GatewayProcess, key: str
) -> None:
    gather = gathering(machine.here(1), machine.here(2))
    async with Peer(url(machine, running, 1), key=key, gather=gather) as peer:
        await peer.connect()
        await peer.hears()
        await peer.http.aclose()
        peer.http = client(url(machine, running, 2), key=key)
        await peer.restart()
        [candidate] = sdp.parse(peer.answer["sdp"]).candidates
        assert candidate.address == machine.there(2)
        await peer.heard_more(0.5)
        await peer.hears()


async def test_a_devices_call_is_its_own(machine: lan.Machine, running: GatewayProcess, key: str) -> None:
    other = await asyncio.to_thread(enrol, running, "thief")
    async with Peer(url(machine, running, 1), key=key, gather=gathering(machine.here(1))) as peer:
        await peer.connect()
        body = {
            "sdp": captured("libpeer"),
            "type": "offer",
            "pc_id": peer.answer["pc_id"],
            "restart_pc": True,
        }
        async with client(url(machine, running, 1), key=other) as http:
            response = await http.post("/api/offer", json=body)
            assert (response.status_code, response.json()["code"]) == (403, "forbidden")
            patch = {"pc_id": peer.answer["pc_id"], "candidates": []}
            assert (await http.patch("/api/offer", json=patch)).status_code == 403
        await peer.heard_more(0.5)
        await peer.hears()


async def test_an_operators_key_opens_the_page_from_the_lan(
    machine: lan.Machine, running: GatewayProcess
) -> None:
    config = str(running.directory / "voicegw.toml")
    done = await asyncio.to_thread(
        voicegw, "devices", "--config", config, "add", "desk", "--role", "operator", "--json"
    )
    async with client(url(machine, running, 1), key=json.loads(done.stdout)["key"]) as http:
        assert (await http.get("/api/state")).status_code == 200
        assert (await http.get("/")).status_code == 200


async def test_an_open_gateway_lets_devices_in_and_keeps_its_state(
    machine: lan.Machine, tmp_path: Path
) -> None:
    async with serving(tmp_path, {"open": True}, host="::", prefix=machine.prefix) as gateway:
        there = url(machine, gateway, 1)
        async with Peer(there, gather=gathering(machine.here(1)), request_data=DEVICE) as peer:
            await peer.connect()
            await peer.hears()
            assert (await peer.http.get("/api/state")).status_code == 403


class Heard:
    """What a browser of mDNS on one of our LANs has heard last."""

    def __init__(self) -> None:
        self.found: dict[str, discovery.Found] = {}
        self.gone: set[str] = set()

    def note(self, name: str, found: discovery.Found | None) -> None:
        if found is None:
            self.found.pop(name, None)
            self.gone.add(name)
        else:
            self.found[name] = found


async def test_it_announces_itself_follows_its_addresses_and_says_goodbye(
    machine: lan.Machine, tmp_path: Path
) -> None:
    heard = [Heard(), Heard()]
    async with (
        discovery.browse(announcing.GATEWAY_TYPE, heard[0].note, [machine.here(1)]),
        discovery.browse(announcing.GATEWAY_TYPE, heard[1].note, [machine.here(2)]),
        serving(tmp_path, {"name": "hello"}, host="::", prefix=machine.prefix) as gateway,
    ):
        await until(lambda: all("hello" in h.found for h in heard), "it is announced on both LANs")
        for h in heard:
            assert h.found["hello"].port == gateway.port
            properties = h.found["hello"].properties
            assert {**properties, "id": "", "load": "", "pin": ""} == {
                "v": "1", "id": "", "path": "/api/offer", "tls": "1", "load": "", "pin": "",
            }  # fmt: skip
        address = machine.add_address(1)
        await gateway.logged(address)
        await until(lambda: all("hello" in h.found for h in heard), "it is found again")
        assert await gateway.stop() == 0
        await until(
            lambda: all("hello" in h.gone and "hello" not in h.found for h in heard), "it said goodbye"
        )


def asked(own: str, *how: str) -> list[list[str]]:
    """The addresses of each answer to a board with this address of ours."""
    command = [sys.executable, "-m", "tests.support.mdns_ask", own, *how]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_each_interface_hears_its_own_addresses_and_no_other(
    machine: lan.Machine, tmp_path: Path
) -> None:
    """RFC 6762, section 6.2. A board takes the first address there is: a bridge's is a gateway that is dead."""
    machine.add_foreign()
    async with serving(tmp_path, {"name": "many"}, host="::", prefix=machine.prefix) as gateway:
        for address in (*(a.split("/")[0] for _, a, _ in lan.FOREIGN), *map(machine.there, lan.NUMBERS)):
            await gateway.logged(address)
        for number, how in itertools.product(lan.NUMBERS, ([], ["--unicast"])):
            answers = await asyncio.to_thread(asked, machine.here(number), *how)
            assert answers, "an answer"
            for heard in (a for answer in answers for a in answer):
                assert heard.startswith((f"10.99.{number}.", f"fd99:{number}::"))
            assert all(machine.there(number) in answer for answer in answers)
