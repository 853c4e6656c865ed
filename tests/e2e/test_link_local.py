"""A client that reaches its gateway by an IPv6 link-local address alone: media go over the same link."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import lan
from tests.support.gateway import ANYONE, serving
from tests.support.peer import DEVICE, Peer, gathering_on
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not lan.possible(), reason="network namespaces need root and iproute2")


@pytest.fixture
def machine() -> Iterator[lan.Machine]:
    with lan.machine() as made:
        yield made


def link_local(*where: str, dev: str) -> str:
    """The address of an interface that is nobody else's on its link, once that is known (RFC 4862, 5.4)."""
    told = json.loads(lan.ip(*where, "-j", "-6", "address", "show", "dev", dev, "scope", "link"))
    known = [a for each in told for a in each.get("addr_info", ()) if a and not a.get("tentative")]
    return str(known[0]["local"]) if known else ""


def posted(host: str, port: int, body: dict[str, Any]) -> httpx.Response:
    """httpx knows no zones."""
    connection = http.client.HTTPSConnection(host, port, context=ANYONE, timeout=30)
    headers = {"Content-Type": "application/json", "Host": f"[{host.partition('%')[0]}]:{port}"}
    connection.request("POST", "/api/offer", json.dumps(body), headers)
    answer = connection.getresponse()
    return httpx.Response(answer.status, content=answer.read())


@pytest.mark.parametrize("request_data", [DEVICE, None], ids=["device", "browser"])
async def test_a_call_over_a_link_without_other_addresses(
    machine: lan.Machine, tmp_path: Path, request_data: object
) -> None:
    await until(lambda: bool(link_local(dev="here1")), "our end has an address")
    await until(lambda: bool(link_local("-n", machine.name, dev="there1")), "theirs has")
    here, there = link_local(dev="here1"), link_local("-n", machine.name, dev="there1")
    async with (
        serving(tmp_path, {"open": True}, host="::", prefix=machine.prefix) as gateway,
        Peer(gateway.url, gather=lambda: gathering_on(f"{here}%here1")) as peer,
    ):
        offer = await peer.offer()
        body = {"sdp": offer, "type": "offer", "request_data": request_data}
        answer = posted(f"{there}%here1", gateway.port, body)  # of this thread: others are in another network
        given = answer.json()["sdp"]
        assert there in given
        assert "%" not in "".join(re.findall(r"candidate:.*", given))  # a zone is its sender's own
        await peer.take(answer)
        await peer.connected()
        await peer.hears()
