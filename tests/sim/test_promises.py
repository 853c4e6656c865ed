"""What a device was promised is kept through a cut, a dead process and a restart; and heard on its speaker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.device import Device, device
from tests.support.gateway import BOTS, GatewayProcess, client, serving, voicegw
from tests.support.waiting import eventually, until

SILENT = {"bot": str(BOTS / "silent.py")}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _shared_by_all(
    _built: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    limits = {"offers_per_minute": 6_000, "reconnect_timeout_s": 2}
    async with serving(tmp_path_factory.mktemp("promises"), {**SILENT, "limits": limits}) as started:
        yield started


@pytest.fixture
async def gateway(_shared_by_all: GatewayProcess) -> AsyncIterator[GatewayProcess]:
    """One that nobody calls."""
    _shared_by_all.forget_log()
    yield _shared_by_all
    await _shared_by_all.idle()


async def name_of(gateway: GatewayProcess) -> str:
    """The name of the one device in a call."""
    found: list[str] = []

    async def there() -> bool:
        found[:] = [s["device"] for s in await gateway.sessions() if s["state"] == "live" and s["device"]]
        return bool(found)

    await eventually(there, "a device is live")
    return found[0]


async def asked(gateway: GatewayProcess, method: str, path: str, **body: Any) -> Any:
    """What the API answers."""
    async with client(gateway.url) as http:
        response = await http.request(method, f"/api/devices/{path}", json=body or None)
    assert response.is_success, response.text
    return response.json() if response.content else None


async def promised(gateway: GatewayProcess, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await asked(gateway, "GET", f"{name}/promises")
    return found


@asynccontextmanager
async def kitchen(tmp_path: Path, gateway: GatewayProcess) -> AsyncIterator[tuple[Device, str]]:
    """A device that is live, and its name."""
    async with device(tmp_path / "device", url=gateway.secure_url) as own:
        await own.live()
        yield own, await name_of(gateway)


async def rings(gateway: GatewayProcess, name: str) -> None:
    """Wait until it rings, and stop it."""

    async def ringing() -> bool:
        return any(p["ringing"] for p in await promised(gateway, name))

    await eventually(ringing, "it rings")


async def stopped(gateway: GatewayProcess, name: str) -> None:
    """Stop it, and wait until nothing is promised any more."""
    await asked(gateway, "POST", f"{name}/quiet")

    async def none() -> bool:
        return not await promised(gateway, name)

    await eventually(none, "it is done")


async def test_a_muted_device_rings_until_its_button_is_pressed(
    tmp_path: Path, gateway: GatewayProcess
) -> None:
    async with kitchen(tmp_path, gateway) as (own, name):
        await own.ask("do mute true")
        await asked(gateway, "POST", f"{name}/promises", kind="timer", seconds=1, label="pasta")
        await rings(gateway, name)
        await own.sounds()
        await own.ask("button down")
        await own.ask("button up")

        async def gone() -> bool:
            return await promised(gateway, name) == []

        await eventually(gone, "the button has stopped it")
        assert (await own.ask("settings get muted"))["muted"] == "1"


async def test_a_timer_rings_through_a_cut(tmp_path: Path, gateway: GatewayProcess) -> None:
    async with kitchen(tmp_path, gateway) as (own, name):
        await asked(gateway, "POST", f"{name}/promises", kind="timer", seconds=1)
        await rings(gateway, name)
        before = {s["id"] for s in await gateway.sessions()}
        await own.ask("reconnect")

        async def elsewhere() -> bool:
            return {s["id"] for s in await gateway.sessions()}.isdisjoint(before)

        await eventually(elsewhere, "it is in another call")
        await own.live()
        await rings(gateway, name)
        await own.sounds()
        await stopped(gateway, name)


async def test_a_timer_rings_though_the_media_process_has_died(
    tmp_path: Path, gateway: GatewayProcess
) -> None:
    async with kitchen(tmp_path, gateway) as (own, name):
        await asked(gateway, "POST", f"{name}/promises", kind="timer", seconds=2)
        [media] = gateway.workers()
        os.kill(media, signal.SIGKILL)
        await until(lambda: own.states()[-1] != "live", "the call is lost")
        await own.live()
        await rings(gateway, name)
        await own.sounds()
        await stopped(gateway, name)


async def test_a_timer_rings_though_its_bot_has_failed(tmp_path: Path) -> None:
    bot = {"bot": str(BOTS / "raises_at_start.py")}
    async with serving(tmp_path / "gateway", bot) as gateway, kitchen(tmp_path, gateway) as (own, name):
        await asked(gateway, "POST", f"{name}/promises", kind="timer", seconds=1)
        await rings(gateway, name)
        await own.sounds()
        await stopped(gateway, name)


async def test_a_timer_rings_after_a_restart(tmp_path: Path) -> None:
    settings = {**SILENT, "data_dir": str(tmp_path / "data")}
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(tmp_path / "first", settings))
        own, name = await stack.enter_async_context(kitchen(tmp_path, first))
        await asked(first, "POST", f"{name}/promises", kind="timer", seconds=3)
        assert await first.stop() == 0
        second = await stack.enter_async_context(serving(tmp_path / "second", settings, port=first.port))
        await rings(second, name)
        await own.sounds()
        await stopped(second, name)


async def test_what_was_missed_is_told(tmp_path: Path, gateway: GatewayProcess) -> None:
    async with kitchen(tmp_path, gateway) as (own, name):
        await asked(gateway, "POST", f"{name}/promises", kind="alarm", at=1_000_000_000, label="first")
        await asked(
            gateway, "POST", f"{name}/promises", kind="reminder", at=time.time() - 605, label="call Ann"
        )
        await own.sounds()

        async def told() -> bool:
            said = [t["text"] for t in (await gateway.state())["transcripts"]]
            return "You missed this, 10 minutes ago: This is your reminder: call Ann." in said

        await eventually(told, "it says what was missed")
        assert "was never there for number" in gateway.log()  # of what is years old


async def test_an_announcement_waits_for_its_device(tmp_path: Path) -> None:
    async with serving(tmp_path / "gateway", SILENT) as gateway:
        config = str(gateway.directory / "voicegw.toml")
        key = voicegw("devices", "--config", config, "add", "kitchen").stdout.splitlines()[-1].strip()
        done = voicegw("devices", "say", "kitchen", "Dinner is ready.", "--url", gateway.url)
        assert done.returncode == 0, done.stderr
        assert "Dinner is ready." in voicegw("devices", "promises", "kitchen", "--url", gateway.url).stdout
        missing = voicegw("devices", "say", "attic", "Hello.", "--url", gateway.url)
        assert missing.returncode != 0
        assert "there is no device attic" in missing.stderr
        async with device(tmp_path / "device", url=gateway.secure_url, key=key) as own:
            await own.live()
            await own.sounds()

            async def said() -> bool:
                return not await promised(gateway, "kitchen")

            await eventually(said, "it is said")
        assert "Dinner is ready." in [t["text"] for t in (await gateway.state())["transcripts"]]


async def test_a_board_tells_what_it_can_and_does_it(tmp_path: Path, gateway: GatewayProcess) -> None:
    async with kitchen(tmp_path, gateway) as (own, name):

        async def offered() -> bool:
            return "relay" in [tool["name"] for tool in await asked(gateway, "GET", f"{name}/tools")]

        await eventually(offered, "the relay is a tool")
        done = await asked(gateway, "POST", f"{name}/tools/relay", arguments={"on": True})
        assert done == "the relay is on"
        await asked(gateway, "POST", f"{name}/tools/set_volume", arguments={"percent": 40})
        assert (await own.ask("settings get volume"))["volume"] == "40"
        await asked(gateway, "POST", f"{name}/tools/show_text", arguments={"text": "Hello"})
        assert (await own.ask("display"))["bot"] == "Hello"
        async with client(gateway.url) as http:
            refused = await http.post(
                f"/api/devices/{name}/tools/set_light", json={"arguments": {"colour": "mauve"}}
            )
            assert (refused.status_code, refused.json()["code"]) == (502, "not_done")
            assert "not_a_colour" in refused.json()["detail"]
            wrong = await http.post(f"/api/devices/{name}/tools/relay", json={"arguments": {"on": "yes"}})
            assert wrong.status_code == 422
