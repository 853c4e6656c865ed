"""The simulated device against a real gateway on loopback."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.support.device import Device, Refused, device
from tests.support.gateway import GatewayProcess, client
from tests.support.waiting import PATIENCE, eventually

NOWHERE = "http://127.0.0.1:9"
"""Or a device would find the gateways of other tests."""


async def test_it_goes_live_and_its_tone_comes_back(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, url=echo.secure_url) as own:
        await own.live()
        await own.hears(440)


async def test_it_goes_straight_from_a_call_to_the_next(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, url=echo.secure_url) as own, client(echo.url) as http:
        await own.live()
        before = await offers(http)
        for _ in range(5):
            await reconnect(own)
            assert own.states() == ["network", "discovery", "signalling", "connecting", "live"]
            assert own.failures() == []
        assert await offers(http) - before == Counter({'voicegw_offers_total{outcome="answered"}': 5})


async def offers(http: httpx.AsyncClient) -> Counter[str]:
    """How many the gateway has answered and refused, in its own words."""
    lines = (await http.get("/metrics")).text.splitlines()
    counted = (x.split(" ") for x in lines if x.startswith("voicegw_offers_total"))
    return Counter({name: int(float(n)) for name, n in counted})


async def reconnect(own: Device) -> None:
    own.events.clear()
    await own.ask("reconnect")
    await own.live()


async def test_the_gateway_is_told_who_it_is(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, "--id", "0123456789ab", url=echo.secure_url) as own:
        await own.live()
        [session] = await echo.sessions()
        assert session["device"] == "0123456789ab"


async def test_the_two_clocks_are_compared(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, url=echo.secure_url) as own:
        await own.live()

        async def known() -> bool:
            return bool((await own.ask("figures"))["clock_known"])

        await eventually(known, "the clock is known")
        offset = (await own.ask("figures"))["clock_offset_us"]
        before = time.time()
        told = offset / 1e6 + (await own.ask("state"))["uptime_ms"] / 1e3
        assert before - 1 < told < time.time() + 1  # the time is right; how well is the rig's to measure


async def test_it_leaves_with_a_goodbye(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, url=echo.secure_url) as own:
        await own.live()
        before = echo.log().count("session ended")
    reasons = await echo.ended(before + 1)
    assert reasons[-1] == "client_left"


async def test_its_first_call_is_its_only_one(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, url=echo.secure_url) as own:
        for _ in range(3):
            await own.live()
            await reconnect(own)

        async def one() -> bool:
            return len(await echo.sessions()) == 1

        await eventually(one, "one session is left")


@pytest.mark.timeout(900)
async def test_two_hundred_reconnects_leak_nothing(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, url=echo.secure_url, plain=True) as own:
        await own.live()
        for _ in range(20):
            await reconnect(own)
        memory, heap, descriptors = own.rss_kb(), await heap_free(own), own.descriptors()
        for _ in range(180):
            await reconnect(own)
        assert own.rss_kb() - memory < 300

        async def as_before() -> bool:
            return own.descriptors() == descriptors and heap - await heap_free(own) < 4_096

        await eventually(as_before, "what a call holds while it is set up is free again")


async def heap_free(own: Device) -> int:
    return int((await own.ask("figures"))["heap_free"])


async def test_six_devices_at_once(echo: GatewayProcess, tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        for i in range(6):
            group.create_task(hear_one(echo.secure_url, tmp_path / str(i)))


async def hear_one(url: str, directory: Path) -> None:
    async with device(directory, url=url, plain=True) as own:
        await own.live()
        await own.hears(600, 30)


async def test_it_reboots_on_request_and_says_why_it_starts(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, url=echo.secure_url) as own:
        await own.live()
        own.events.clear()
        await own.ask("reboot")
        await own.live()
        assert own.states()[0] == "network"
        assert (await own.ask("state"))["reset"] == "software"


async def test_settings_survive_and_secrets_are_masked(tmp_path: Path) -> None:
    async with device(tmp_path, url=NOWHERE, key="hush-hush-hush") as own:
        await own.ask("settings set volume 35")
        with pytest.raises(Refused, match="value_refused"):
            await own.ask("settings set volume 135")
        with pytest.raises(Refused, match="unknown_setting"):
            await own.ask("settings set colour red")
        assert (await own.ask("settings get key"))["key"] == "***"
    async with device(tmp_path) as own:
        settings = await own.ask("settings")
        assert (settings["volume"], settings["gateway"]) == ("35", NOWHERE)
        assert "hush" not in str(settings)
    for file in (tmp_path / "store").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
    assert "hush" not in own.log()


async def test_the_bots_commands_work_from_the_console(tmp_path: Path) -> None:
    async with device(tmp_path, url=NOWHERE) as own:
        await own.ask("do volume 20")
        assert (await own.ask("settings get volume"))["volume"] == "20"
        with pytest.raises(Refused, match="out_of_range"):
            await own.ask("do volume 101")
        with pytest.raises(Refused, match="not_a_boolean"):
            await own.ask("do mute 1")
        await own.ask('do led "#00ff00"')
        await own.ask("do identify")
        with pytest.raises(Refused, match="unknown_command"):
            await own.ask("do dance")


@pytest.mark.parametrize(
    "line", ["", "x" * 5000, "settings set", "\x00\x01", 'do volume {"', "inject tone 99999"]
)
async def test_the_console_bears_nonsense(tmp_path: Path, line: str) -> None:
    async with device(tmp_path, url=NOWHERE) as own:
        own.writer.write(line.encode() + b"\n")
        assert (await own.ask("log info") if not line else await _refusal(own)) is not None
        assert (await own.ask("help")).get("commands")


async def _refusal(own: Device) -> str:
    mark, reply, _ = await asyncio.wait_for(own.replies.get(), PATIENCE)
    assert mark == "@err"
    return str(reply["error"])


async def test_a_live_call_does_not_grow_the_heap(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, url=echo.secure_url, plain=True) as own:
        await own.live()
        await own.hears(440)
        before = await heap_free(own)
        await own.hears(550)
        await own.ask("do tone 600")
        await own.hears(440)
        assert before - await heap_free(own) < 2_048  # libsrtp's streams, each with its first packet
