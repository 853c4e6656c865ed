"""A browser's call that only a TURN server can carry: coturn, between two networks of which one knows no way back."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aioice import stun
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection

from tests.support import lan
from tests.support.gateway import serving, voicegw
from tests.support.peer import Peer, gathering_on
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.skipif(not lan.possible(), reason="network namespaces need root and iproute2"),
    pytest.mark.skipif(
        shutil.which("turnserver") is None, reason="coturn is not installed: apt install coturn"
    ),
]
PORT = 3478
USER, SECRET = "voice", "sesame"
APART = "10.77.0.1"
OPTIONS = (
    *(
        "--no-cli",
        "--no-tls",
        "--no-dtls",
        "--lt-cred-mech",
        "--realm",
        "voice",
        "--user",
        f"{USER}:{SECRET}",
    ),
    *("--log-file", "stdout", "--simple-log", "--allow-loopback-peers", "-v"),
)


@pytest.fixture
def machine() -> Iterator[lan.Machine]:
    """The gateway's; our own media are on a network that it has no route to."""
    with lan.machine() as made:
        lan.ip("link", "add", "apart", "type", "veth", "peer", "name", "nobody")
        lan.ip("address", "add", f"{APART}/24", "dev", "apart")
        for device in ("apart", "nobody"):
            lan.ip("link", "set", device, "up")
        yield made


def binds(address: str) -> bool:
    """Whether a STUN server answers there (RFC 8489, 2)."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.5)
        sock.sendto(bytes(request), (address, PORT))
        with contextlib.suppress(OSError):
            return stun.parse_message(sock.recv(2_000)).transaction_id == request.transaction_id
    return False


@contextlib.asynccontextmanager
async def coturn(directory: Path, address: str) -> AsyncIterator[None]:
    """Run it on this side of the first LAN."""
    where = ("--listening-ip", address, "--listening-port", str(PORT), "--relay-ip", address)
    files = ("--pidfile", str(directory / "turn.pid"), "--userdb", str(directory / "turn.db"))
    with (directory / "turn.log").open("wb") as out:
        process = subprocess.Popen(["turnserver", *OPTIONS, *where, *files], stdout=out, stderr=out)  # noqa: ASYNC220 -- it waits for nothing

    async def answers() -> bool:
        assert process.poll() is None, (directory / "turn.log").read_text()
        return binds(address)  # of this thread: others are in another network

    try:
        await eventually(answers, "coturn answers")
        yield
    finally:
        process.terminate()
        process.wait()


def page_of(machine: lan.Machine, port: int, directory: Path, **more: Any) -> Peer:
    """A client with a key that signals over the LAN and has its media elsewhere."""
    config = str(directory / "voicegw.toml")
    key = json.loads(voicegw("devices", "--config", config, "add", "browser", "--json").stdout)["key"]
    url = f"https://{machine.there(1)}:{port}"
    return Peer(url, key=key, request_data=None, gather=lambda: gathering_on(APART), **more)


async def test_only_the_relay_reaches(machine: lan.Machine, tmp_path: Path) -> None:
    relay = machine.here(1)
    url = f"turn:{relay}:{PORT}?transport=udp"
    server = {"urls": [url], "username": USER, "credential": SECRET}

    def relayed(pc: RTCPeerConnection) -> None:
        pc._RTCPeerConnection__configuration = RTCConfiguration(  # type: ignore[attr-defined]
            iceServers=[RTCIceServer(url, USER, SECRET)]
        )

    async with (
        coturn(tmp_path, relay),
        serving(tmp_path, {"ice_servers": [server]}, host="::", prefix=machine.prefix) as gateway,
        page_of(machine, gateway.port, tmp_path, prepare=relayed) as peer,
    ):
        started = (await peer.http.post("/start", json={})).json()
        assert started["iceConfig"]["iceServers"] == [server]
        await peer.connect(path=f"/sessions/{started['sessionId']}/api/offer")
        await peer.hears()
        [pair] = peer.pc.getTransceivers()[0].receiver.transport.transport._connection._nominated.values()
        assert "relay" in {pair.local_candidate.type, pair.remote_candidate.type}


async def test_without_it_nothing_does(machine: lan.Machine, tmp_path: Path) -> None:
    settings = {"limits": {"connect_timeout_s": 3.0}}
    async with (
        serving(tmp_path, settings, host="::", prefix=machine.prefix) as gateway,
        page_of(machine, gateway.port, tmp_path) as peer,
    ):
        await peer.take(await peer.post(await peer.offer()))
        assert await gateway.ended() in (["connect_timeout"], ["connect_failed"])
