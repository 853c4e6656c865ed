"""Firmware from before TLS is let in once, with a good key; whoever can do better is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.front.app import create_app
from gateway.front.parts import Gateway
from gateway.front.registry import Role
from gateway.front.running import running
from gateway.settings import Settings
from tests.support.offers import captured

OFFER = {"sdp": captured("libpeer"), "type": "offer", "request_data": {"device": {"fw": "0.1.0"}}}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    settings = Settings(
        host="127.0.0.1", port=0, in_process=True, bot="echo", announce=False, data_dir=tmp_path
    )
    async with running(settings, port=0) as found:
        yield found


async def offered(gateway: Gateway, key: str, path: str = "/api/offer") -> str | None:
    """What an offer over plain http from the LAN is refused with; `None` where it is let in, whatever is said then."""
    app = httpx.ASGITransport(create_app(gateway), client=("192.168.1.5", 1))
    async with httpx.AsyncClient(transport=app, base_url="http://192.168.1.2:7860") as client:
        answer = await client.post(path, json=OFFER, headers={"Authorization": f"Bearer {key}"})
    code = answer.json().get("code")
    return code if code in {"tls_required", "key_required"} else None


async def test_a_device_of_before_is_let_in_once(gateway: Gateway) -> None:
    _, key = await gateway.registry.add("kitchen")
    _, other = await gateway.registry.add("hall")
    assert await offered(gateway, key) is None
    assert await offered(gateway, key) == "tls_required"
    assert await offered(gateway, other) is None


async def test_nobody_else_is(gateway: Gateway) -> None:
    _, key = await gateway.registry.add("kitchen")
    _, operator = await gateway.registry.add("desk", Role.OPERATOR)
    _, gone = await gateway.registry.add("old")
    await gateway.registry.revoke("old")
    for wrong in (operator, gone, "vgw_nobodys", gateway.operators.secret):
        assert await offered(gateway, wrong) == "tls_required"
    assert await offered(gateway, key, "/start") == "tls_required"


async def test_nor_is_one_that_has_proven_its_key_before(gateway: Gateway) -> None:
    device, key = await gateway.registry.add("kitchen")
    await gateway.old_firmware.outgrown(device.id)
    assert await offered(gateway, key) == "tls_required"
