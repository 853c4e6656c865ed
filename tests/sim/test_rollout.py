"""Firmware for several devices: one command, one device first, and no further than to the first that goes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.board_flash import BOARD, make_flash, make_image
from tests.support.device import Device, device, running
from tests.support.gateway import GatewayProcess, client, serving, voicegw
from tests.support.releases import put_release
from tests.support.waiting import eventually, until

NAMES = ("attic", "bath")


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    folder = tmp_path / "releases"
    folder.mkdir()
    put_release(folder, BOARD, "0.2.0", app=make_image("0.2.0"))
    return folder


@asynccontextmanager
async def keys(tmp_path: Path, releases: Path) -> AsyncIterator[tuple[GatewayProcess, dict[str, str]]]:
    """A gateway, and a key for each device."""
    async with (
        serving(tmp_path / "gateway", {"releases": str(releases)}) as gateway,
        client(gateway.url) as http,
    ):
        made = {n: (await http.post("/api/devices", json={"name": n})).json()["key"] for n in NAMES}
        yield gateway, made


def flash_of(tmp_path: Path, name: str) -> str:
    return str(make_flash(tmp_path / f"{name}.bin", make_image("0.1.0")))


async def test_one_command_updates_all(tmp_path: Path, releases: Path) -> None:
    async with keys(tmp_path, releases) as (gateway, made):
        url = gateway.secure_url
        async with (
            device(tmp_path / "a", "--flash", flash_of(tmp_path, "a"), url=url, key=made["attic"]) as attic,
            device(tmp_path / "b", "--flash", flash_of(tmp_path, "b"), url=url, key=made["bath"]) as bath,
        ):
            for own in (attic, bath):
                await own.live()
            config = str(gateway.directory / "voicegw.toml")
            command = ["devices", "--config", config, "update", "--all", "--url", gateway.url, "--json"]
            done = await asyncio.to_thread(voicegw, *command)
            assert done.returncode == 0, done.stderr
            told = [(line["device"], line["state"]) for line in map(json.loads, done.stdout.splitlines())]
            assert told.index(("attic", "updated")) < told.index(("bath", "updating"))
            assert told[-1] == ("bath", "updated")
            for own in (attic, bath):
                assert (await own.ask("state"))["fw"] == "0.2.0"
            again = await asyncio.to_thread(voicegw, *command)
            assert again.returncode == 1
            assert "no device that is in a call needs an update" in again.stderr


async def rebooted(own: Device) -> None:
    await until(lambda: own.process.poll() is not None, "the device has rebooted")


async def test_one_that_goes_back_ends_it(tmp_path: Path, releases: Path) -> None:
    async with keys(tmp_path, releases) as (gateway, made), client(gateway.url) as http:
        arguments = ["--flash", flash_of(tmp_path, "a"), "--reboot-exits"]
        url = gateway.secure_url
        other = ["--flash", flash_of(tmp_path, "b")]

        async def rollout() -> dict[str, Any]:
            found: dict[str, Any] = (await gateway.state())["rollout"]
            return found

        async with device(tmp_path / "b", *other, url=url, key=made["bath"]) as bath:
            await bath.live()
            async with running(tmp_path / "a", *arguments, url=url, key=made["attic"]) as attic:
                await attic.live()
                (await http.post("/api/rollout", json={})).raise_for_status()
                await rebooted(attic)
            async with running(tmp_path / "a", *arguments, url="http://127.0.0.1:9") as trial:
                assert (await trial.ask("update"))["on_trial"]
                trial.process.kill()  # its power fails before it gets into a call
                await rebooted(trial)
            async with device(tmp_path / "a", *arguments, url=url, key=made["attic"]) as attic:
                await attic.live()

                async def is_over() -> bool:
                    return bool((await rollout())["done"])

                await eventually(is_over, "the rollout has ended")
                states = [(d["device"], d["state"]) for d in (await rollout())["devices"]]
                assert states == [("attic", "rolled_back"), ("bath", "left_out")]
                assert (await bath.ask("state"))["fw"] == "0.1.0"
