"""A proxy on the gateway's machine makes nobody an operator, whatever its settings; as documented, calls go through it.

The real programs, in the network namespace of a machine on a LAN: root only.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.wire import sdp
from tests.support import lan, proxies
from tests.support.certificates import Certificate, self_signed
from tests.support.device import device
from tests.support.gateway import GatewayProcess, client, serving, voicegw
from tests.support.offers import captured
from tests.support.peer import Peer, gathering_on

pytestmark = [
    pytest.mark.skipif(not lan.possible(), reason="network namespaces need root and iproute2"),
    pytest.mark.skipif(
        any(map(proxies.missing, proxies.PROGRAMS)), reason="apt install nginx-light haproxy caddy"
    ),
]
NAMED = "voice.example"
PASSING_ON = "haproxy passing TLS on"
KINDS = ["nginx", "haproxy", PASSING_ON, "caddy"]
_PORT = 8443  # in a namespace of its own


@pytest.fixture(scope="module")
def machine() -> Iterator[lan.Machine]:
    with lan.machine() as made:
        yield made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("certificate"), dns=(NAMED,))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(
    machine: lan.Machine, tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> AsyncIterator[GatewayProcess]:
    """With its defaults, but for what the documentation has one set for a proxy."""
    settings: dict[str, Any] = {
        "trusted_proxies": ["127.0.0.1"],
        "names": [NAMED],
        "tls_cert": str(certificate.path),
        "tls_key": str(certificate.key),
    }
    async with serving(
        tmp_path_factory.mktemp("gateway"), settings, host="::", prefix=machine.prefix
    ) as started:
        yield started


@dataclass(frozen=True, slots=True)
class Place:
    """Where a proxy stands, and what it stands before."""

    machine: lan.Machine
    gateway: GatewayProcess
    certificate: Certificate
    folder: Path

    def proxy(
        self, program: str, *, documented: bool, by_lan: bool = False
    ) -> AbstractAsyncContextManager[str]:
        """Run one: with its defaults or as documented, before the gateway's loopback or its address on the LAN."""
        template, more = {
            "nginx": (proxies.NGINX, proxies.NGINX_AS_DOCUMENTED),
            "haproxy": (proxies.HAPROXY, proxies.HAPROXY_AS_DOCUMENTED),
            PASSING_ON: (proxies.HAPROXY_PASSING_ON, proxies.HAPROXY_PASSING_ON_AS_DOCUMENTED),
            "caddy": (proxies.CADDY, ""),
        }[program]
        program = program.partition(" ")[0]
        both, here = self.folder / "both.pem", self.machine.there(1)
        both.write_text(self.certificate.path.read_text() + self.certificate.key.read_text())
        text = template.format(
            folder=self.folder,
            address=here,
            port=_PORT,
            cert=self.certificate.path,
            key=self.certificate.key,
            both=both,
            there=f"{here if by_lan else '127.0.0.1'}:{self.gateway.port}",
            more=more if documented else "",
        )
        return proxies.proxy(program, self.folder, text, prefix=self.machine.prefix, reached=(here, _PORT))


@pytest.fixture
def place(machine: lan.Machine, gateway: GatewayProcess, certificate: Certificate, tmp_path: Path) -> Place:
    return Place(machine, gateway, certificate, tmp_path)


@pytest.mark.parametrize("by_lan", [False, True])
@pytest.mark.parametrize("documented", [False, True])
@pytest.mark.parametrize("program", KINDS)
async def test_who_comes_through_a_proxy_gains_nothing(
    place: Place, program: str, *, documented: bool, by_lan: bool
) -> None:
    async with place.proxy(program, documented=documented, by_lan=by_lan) as url, client(url) as http:
        if program == PASSING_ON and documented and by_lan:  # its header comes from whom nobody trusts
            with pytest.raises(httpx.TransportError):
                await http.get("/api/state")
            return
        offer = {"sdp": captured("libpeer"), "type": "offer"}
        answers = [
            *[await http.get(path) for path in ("/api/state", "/api/events", "/metrics")],
            await http.post("/api/devices", json={"name": "mine", "role": "operator"}),
            await http.post("/api/link"),
            await http.post("/start"),
            await http.post("/api/offer", json=offer),
        ]
        assert {answer.status_code for answer in answers} <= {308, 401, 403}
        forged = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "Forwarded": "for=127.0.0.1"}
        assert (await http.get("/api/state", headers=forged)).status_code in {308, 401, 403}


@pytest.mark.parametrize("program", KINDS)
async def test_a_call_through_a_documented_proxy_gets_media_that_leads_to_the_caller(
    place: Place, program: str
) -> None:
    config, here = str(place.gateway.directory / "voicegw.toml"), place.machine.here(1)
    done = await asyncio.to_thread(
        voicegw, "devices", "--config", config, "add", f"through-{KINDS.index(program)}", "--json"
    )
    async with (
        place.proxy(program, documented=True) as url,
        Peer(url, key=json.loads(done.stdout)["key"], gather=lambda: gathering_on(here)) as peer,
    ):
        await peer.connect()
        [candidate] = sdp.parse(peer.answer["sdp"]).candidates
        assert candidate.address == place.machine.there(1)
        await peer.hears()


async def test_a_pinned_device_through_a_proxy_that_passes_tls_on(place: Place, tmp_path: Path) -> None:
    gateway, config = place.gateway, str(place.gateway.directory / "voicegw.toml")
    done = await asyncio.to_thread(voicegw, "devices", "--config", config, "add", "passed-on", "--json")
    async with (
        place.proxy(PASSING_ON, documented=True) as url,
        device(
            tmp_path / "own", "--fingerprint", gateway.identity, url=url, key=json.loads(done.stdout)["key"]
        ) as own,
    ):
        await own.live()
        await own.hears(440)


@pytest.mark.parametrize("source", ["127.0.0.1", "10.0.0.1"])
async def test_who_says_to_be_a_proxy_and_is_not_trusted(place: Place, source: str) -> None:
    """From the LAN, in the PROXY protocol: that it connects for someone else."""
    reader, writer = await asyncio.open_connection(place.machine.there(1), place.gateway.port)
    writer.write(f"PROXY TCP4 {source} 127.0.0.1 4000 {place.gateway.port}\r\n".encode())
    writer.write(b"GET /api/state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert (await reader.readline()).split()[1] == b"400"
    writer.close()


def test_another_account_of_the_machine_is_no_operator_either(
    machine: lan.Machine, gateway: GatewayProcess
) -> None:
    ask = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{gateway.port}/start"]
    as_nobody = ["setpriv", "--reuid=nobody", "--clear-groups"]
    for command, status in ((ask, b"200"), ([*as_nobody, *ask], b"401")):
        done = subprocess.run([*machine.prefix, *command, "-X", "POST"], capture_output=True, check=True)
        assert done.stdout == status
