"""Floods from a LAN, each beside a call of a device that is let in. In network namespaces: root only."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiortc.rtcsctptransport import SCTP_DATA_FIRST_FRAG, DataChunk, tsn_plus_one

from tests.support import lan
from tests.support.gateway import GatewayProcess, client, serving, voicegw
from tests.support.offers import captured, made
from tests.support.peer import Peer, gaps, gathering_on
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not lan.possible(), reason="network namespaces need root and iproute2")
Told = Callable[[str, float | None], None]
FOREIGN = "203.0.113.9"


@pytest.fixture(scope="module")
def machine() -> Iterator[lan.Machine]:
    with lan.machine() as made:
        lan.ip("address", "add", f"{FOREIGN}/32", "dev", "here1")
        lan.ip("-n", made.name, "route", "add", f"{FOREIGN}/32", "via", made.here(1))
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(
    machine: lan.Machine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    """With its defaults, and as few descriptors as a shell gives."""
    few = [*machine.prefix, "prlimit", "--nofile=1024:1024"]
    async with serving(tmp_path_factory.mktemp("gateway"), {}, host="::", prefix=few) as started:
        yield started


def enrol(gateway: GatewayProcess, name: str) -> str:
    config = str(gateway.directory / "voicegw.toml")
    return str(json.loads(voicegw("devices", "--config", config, "add", name, "--json").stdout)["key"])


@contextlib.asynccontextmanager
async def beside(
    machine: lan.Machine, gateway: GatewayProcess, name: str
) -> AsyncIterator[Callable[[], float]]:
    """A device's call from the other LAN; gives its worst gap so far, in ms."""
    url = f"https://{machine.there(2)}:{gateway.port}"
    key = await asyncio.to_thread(enrol, gateway, name)
    async with Peer(url, key=key, gather=lambda: gathering_on(machine.here(2))) as peer:
        await peer.connect()
        await peer.hears()
        since = peer.ear.seconds
        yield lambda: 1_000 * gaps(peer.ear.since(since), peer.hertz, 0.02)
        await peer.heard_more(0.5)
        await peer.hears()


async def test_three_thousand_connections_that_do_not_read(
    machine: lan.Machine, gateway: GatewayProcess, told: Told
) -> None:
    where = [machine.here(1), machine.there(1), str(gateway.port), "3000"]
    async with beside(machine, gateway, "kitchen") as gap:
        attacker = await asyncio.create_subprocess_exec(
            sys.executable, str(Path(__file__).with_name("slow_readers.py")), *where,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert attacker.stdin is not None
        assert attacker.stdout is not None
        assert await attacker.stdout.readline() == b"3000\n"
        async with client(f"https://{machine.there(2)}:{gateway.port}") as http:
            answers = [(await http.get("/healthz")).status_code for _ in range(20)]
        assert answers == [200] * 20
        told("nothing: others are served", gap())
        attacker.stdin.close()
        await attacker.wait()


class Victim(asyncio.DatagramProtocol):
    """Counts what comes to it."""

    def __init__(self) -> None:
        self.datagrams = 0

    def datagram_received(self, _data: bytes, _addr: Any) -> None:
        self.datagrams += 1


async def test_an_offer_whose_candidates_are_elsewhere(
    machine: lan.Machine, gateway: GatewayProcess, told: Told
) -> None:
    """By one who is let in, and would have the gateway send to a third machine in its place."""
    loop, victim = asyncio.get_running_loop(), Victim()
    transports = [
        (await loop.create_datagram_endpoint(lambda: victim, local_addr=(FOREIGN, 0)))[0] for _ in range(100)
    ]
    ports = [transport.get_extra_info("sockname")[1] for transport in transports]
    text = made(candidates=[f"{port} 1 udp 2130706431 {FOREIGN} {port} typ host" for port in ports])
    key = await asyncio.to_thread(enrol, gateway, "reflector")
    async with (
        beside(machine, gateway, "bath") as gap,
        client(f"https://{machine.there(1)}:{gateway.port}", key=key) as http,
    ):
        answer = await http.post("/api/offer", json={"sdp": text, "type": "offer"})
        assert answer.status_code == 200, answer.text
        await gateway.logged("connect_timeout")
        assert victim.datagrams == 0
        told("0 datagrams to a third machine", gap())
    for transport in transports:
        transport.close()


async def test_pieces_of_messages_without_end(
    machine: lan.Machine, gateway: GatewayProcess, told: Told
) -> None:
    """By one who is let in: its own call ends, and no other's."""
    key = await asyncio.to_thread(enrol, gateway, "shredder")
    url = f"https://{machine.there(1)}:{gateway.port}"
    async with (
        beside(machine, gateway, "attic") as gap,
        Peer(url, key=key, gather=lambda: gathering_on(machine.here(1))) as peer,
    ):
        await peer.connect()
        sctp = peer.pc.sctp
        assert sctp is not None
        with contextlib.suppress(ConnectionError):
            for _ in range(1_000):
                chunk = DataChunk(flags=SCTP_DATA_FIRST_FRAG)
                chunk.tsn, chunk.stream_id, chunk.stream_seq, chunk.protocol = sctp._local_tsn, 7, 0, 51
                chunk.user_data = b"x"
                sctp._local_tsn = tsn_plus_one(chunk.tsn)
                await sctp._send_chunk(chunk)
        await gateway.logged("pieces of messages unfinished")
        told("the end of its own call", gap())


@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:7860", "127.0.0.1.rebound.example"])
async def test_a_page_under_a_rebound_name_with_the_lan_open(
    machine: lan.Machine, tmp_path: Path, host: str
) -> None:
    async with (
        serving(tmp_path, {"open": True}, host="::", prefix=machine.prefix) as gateway,
        client(f"http://{machine.there(1)}:{gateway.port}") as http,
    ):
        offer = {"sdp": captured("libpeer"), "type": "offer"}
        for answer in (
            await http.get("/api/state", headers={"Host": host}),
            await http.post("/api/offer", json=offer, headers={"Host": host, "Origin": f"http://{host}"}),
            await http.get("/", headers={"Host": host}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_calls_that_are_never_finished_with_the_lan_open(machine: lan.Machine, tmp_path: Path) -> None:
    async with (
        serving(tmp_path, {"open": True}, host="::", prefix=machine.prefix) as gateway,
        client(f"http://{machine.there(1)}:{gateway.port}") as http,
    ):
        offer = {"sdp": captured("libpeer"), "type": "offer"}
        answers = await asyncio.gather(*(http.post("/api/offer", json=offer) for _ in range(25)))
        assert sum(answer.status_code == 200 for answer in answers) <= 8
        url = f"http://{machine.there(2)}:{gateway.port}"
        async with Peer(url, gather=lambda: gathering_on(machine.here(2))) as peer:
            await peer.connect()
            await peer.hears()
    await until(lambda: gateway.process.poll() is not None, "it has ended")
