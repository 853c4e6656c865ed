"""A device with a part that does not work: it says so, is in a call, and is mended from there."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.support.board_flash import BOARD, SLOTS, make_flash, make_image
from tests.support.device import Refused, device
from tests.support.gateway import client, serving
from tests.support.releases import put_release
from tests.support.waiting import until

FAULTS = {"noopus": "no_audio", "nosound": "no_audio", "nostore": "no_store"}
NAME = "kitchen"


@pytest.mark.parametrize(("broken", "fault"), FAULTS.items())
async def test_it_is_live_and_takes_an_update(tmp_path: Path, broken: str, fault: str) -> None:
    flash = make_flash(tmp_path / "flash.bin", make_image("0.1.0"))
    releases = tmp_path / "releases"
    releases.mkdir()
    image = make_image("0.2.0")
    put_release(releases, BOARD, "0.2.0", app=image)
    async with (
        serving(tmp_path / "gateway", {"releases": str(releases)}) as gateway,
        client(gateway.url) as http,
    ):
        made = (await http.post("/api/devices", json={"name": NAME, "role": "device"})).json()
        arguments = ["--flash", str(flash)]
        async with device(tmp_path / "own", *arguments, fault=broken) as own:
            assert (await own.ask("state"))["fault"] == fault
            for setting in (f"gateway {gateway.url}", f"key {made['key']}", "update any"):
                with contextlib.suppress(Refused):  # not_stored: it holds until the next start
                    await own.ask(f"settings set {setting}")
            await own.live()
            assert (await own.ask("display"))["detail"] == fault
            await gateway.logged(f"{NAME} has a part that does not work: {fault}")
            (await http.post(f"/api/devices/{NAME}/update", json={"version": "0.2.0"})).raise_for_status()
            await own.told(lambda e: e.get("state") == "rebooting", "the update is in")
            await until(lambda: "voicegw 0.2.0" in own.log(), "the new firmware runs")
    assert flash.read_bytes()[SLOTS[1] :].startswith(image)
