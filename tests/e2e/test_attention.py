"""A device that waits for its word or its button, against a real gateway: the ear, its settings, what is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from tests.support.gateway import GatewayProcess, serving
from tests.support.peer import Peer, calling
from tests.support.waiting import eventually, until

SETTINGS = {
    "bot": "echo",
    "wake": ["okay nabu"],
    "wakes": {"kitchen": "button", "hall": "always"},
    "attention": {"interrupt": "speech"},  # the echo is the bot's own voice, and has to be heard all the same
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(tmp_path_factory: Any) -> AsyncIterator[GatewayProcess]:
    async with serving(tmp_path_factory.mktemp("attention"), SETTINGS) as started:
        yield started


def device(name: str) -> dict[str, Any]:
    return {"request_data": {"device": {"id": name, "board": "test"}}}


def press(peer: Peer) -> None:
    """Press the device's button."""
    message = {"t": "device-button", "d": {"down": True}}
    peer.send(json.dumps({"label": "rtvi-ai", "type": "client-message", "id": "d1", "data": message}))


def attentions(peer: Peer) -> list[str]:
    told = [m["data"] for m in peer.messages if m.get("type") == "server-message"]
    return [data["state"] for data in told if data.get("type") == "device-attention"]


async def test_a_device_without_its_word_is_not_heard(gateway: GatewayProcess) -> None:
    async with calling(gateway.url, **device("porch")) as peer:
        await until(lambda: attentions(peer) == ["asleep"], "the device is told that it sleeps")
        assert float(np.abs(await peer.heard_more(2.0)).max()) < 500


async def test_a_button_wakes_it_and_it_is_heard(gateway: GatewayProcess) -> None:
    async with calling(gateway.url, **device("kitchen")) as peer:
        await until(lambda: attentions(peer) == ["asleep"], "the device is told that it sleeps")
        press(peer)
        await peer.hears()
        assert attentions(peer)[:3] == ["asleep", "attentive", "speaking"]


@pytest.mark.parametrize("name", ["kitchen", "hall"])
async def test_the_button_stops_what_rings(gateway: GatewayProcess, name: str) -> None:
    """Also of a device that listens always."""
    path = f"/api/devices/{name}/promises"

    async def promised() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await peer.http.get(path)).raise_for_status().json()
        return found

    async def rings() -> bool:
        return any(promise["ringing"] for promise in await promised())

    async def over() -> bool:
        return not await promised()

    async with calling(gateway.url, **device(name)) as peer:
        await peer.connected()
        (await peer.http.post(path, json={"kind": "timer", "seconds": 1})).raise_for_status()
        await eventually(rings, "it rings")
        press(peer)
        await eventually(over, "the button has stopped it")


async def test_one_that_listens_always_is_heard_at_once_and_told_nothing(gateway: GatewayProcess) -> None:
    async with calling(gateway.url, **device("hall")) as peer:
        await peer.hears()
        assert attentions(peer) == []


async def test_a_browser_is_always_heard(gateway: GatewayProcess) -> None:
    async with calling(gateway.url, request_data=None) as peer:
        await peer.hears()
