"""Images from the gateway to a device's other slot: tried, kept, and gone back on."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.front.releases import Release
from tests.support.board_flash import (
    ABORTED,
    BOARD,
    NEW,
    PENDING,
    SLOTS,
    VALID,
    make_flash,
    make_image,
    otadata,
)
from tests.support.certificates import self_signed
from tests.support.device import Device, Refused, device, running, spawn
from tests.support.gateway import GatewayProcess, client, serving
from tests.support.middle import between, scripted
from tests.support.releases import MAKER, STRANGER, put_release
from tests.support.waiting import eventually, until
from tools.releases import maker

NAME = "kitchen"
ANY = "settings set update any"


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    return make_flash(tmp_path / "flash.bin", make_image("0.1.0"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _shared_by_all(
    _built: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("updates")
    (folder / "releases").mkdir()
    settings = {
        "releases": str(folder / "releases"),
        "limits": {"offers_per_minute": 6_000, "reconnect_timeout_s": 2},
    }
    async with serving(folder, settings) as started:
        yield started


@pytest.fixture
async def gateway(_shared_by_all: GatewayProcess) -> AsyncIterator[GatewayProcess]:
    """One that nobody calls."""
    await _shared_by_all.idle()
    yield _shared_by_all
    await _shared_by_all.idle()


@pytest.fixture
def releases(gateway: GatewayProcess) -> Path:
    """What it hands out: nothing yet."""
    folder = gateway.directory / "releases"
    shutil.rmtree(folder)
    folder.mkdir()
    return folder


def command(folder: Path, *, older: bool = False, **changes: Any) -> str:
    """The console's line for the release in this folder, with some of it changed."""
    release = Release.read((folder / "manifest.json").read_bytes())
    path = f"/api/firmware/{release.board}/{release.version}/{release.app}"
    return "update " + json.dumps(release.command(path, older=older) | changes, separators=(",", ":"))


async def comes_to(own: Device, state: str, reason: str | None = None) -> None:
    await own.told(
        lambda e: e["event"] == "update" and e["state"] == state and e.get("reason") == reason,
        f"update {state} {reason}",
    )


async def test_an_operator_updates_a_device_which_keeps_what_works(
    tmp_path: Path, flash: Path, gateway: GatewayProcess, releases: Path
) -> None:
    image = make_image("0.2.0")
    put_release(releases, BOARD, "0.2.0", app=image)
    async with client(gateway.url) as http:
        made = (await http.post("/api/devices", json={"name": NAME, "role": "device"})).json()
        arguments = ["--flash", str(flash)]
        async with device(tmp_path / "own", *arguments, url=gateway.secure_url, key=made["key"]) as own:
            await own.live()
            assert (await own.ask("state"))["fw"] == "0.1.0"
            (await http.post(f"/api/devices/{NAME}/update", json={"version": "0.2.0"})).raise_for_status()
            await comes_to(own, "rebooting")
            percents = [e["percent"] for e in own.events if e["event"] == "update"]
            assert percents == sorted(percents)
            assert len(percents) > 5
            await until(lambda: own.states().count("live") == 2, "live again")
            await until(lambda: (2, VALID) in otadata(flash), "proven")
            after = await own.ask("update")
            assert (after["slot"], after["on_trial"]) == ("ota_1", False)
            state = await own.ask("state")
            assert (state["fw"], state["board"], state["reset"]) == ("0.2.0", BOARD, "software")
            assert "update_slot" not in {p.name for p in (tmp_path / "own" / "store").iterdir()}
    assert flash.read_bytes()[SLOTS[1] :].startswith(image)


async def test_the_call_goes_on_meanwhile(
    tmp_path: Path, flash: Path, gateway: GatewayProcess, releases: Path
) -> None:
    folder = put_release(releases, BOARD, "0.2.0", app=make_image("0.2.0", size=400_000))
    async with device(tmp_path / "own", "--flash", str(flash), url=gateway.secure_url) as own:
        await own.live()
        await own.ask(command(folder))
        await own.hears(440)
        assert (await own.ask("update"))["state"] == "downloading"
        await comes_to(own, "rebooting")
        assert own.states().count("live") == 1


async def test_an_image_that_never_gets_into_a_call_is_left_again(
    tmp_path: Path, flash: Path, gateway: GatewayProcess, releases: Path
) -> None:
    folder = put_release(releases, BOARD, "0.2.0", app=make_image("0.2.0"))
    arguments = ["--flash", str(flash), "--reboot-exits"]
    async with running(tmp_path / "own", *arguments, url=gateway.url) as own:
        await own.live()
        await own.ask(ANY)
        await own.ask(command(folder))
        await until(lambda: own.process.poll() is not None, "the device has rebooted")
        assert own.process.returncode == 3
    assert (2, NEW) in otadata(flash)
    async with running(tmp_path / "own", *arguments, url="http://127.0.0.1:9") as trial:
        assert (await trial.ask("update"))["on_trial"]
        assert (2, PENDING) in otadata(flash)
        trial.process.kill()  # the power fails before it is live
        trial.process.wait()
    async with (
        scripted(None) as script,
        device(tmp_path / "own", "--flash", str(flash), url=script.url) as own,
    ):
        await until(lambda: bool(script.requests), "an offer")
        assert b'"last_failure":"update_rolled_back"' in script.requests[0]
        assert (2, ABORTED) in otadata(flash)
        assert ((await own.ask("state"))["fw"], (await own.ask("update"))["slot"]) == ("0.1.0", "ota_0")


async def test_power_that_fails_in_the_middle_changes_nothing(
    tmp_path: Path, flash: Path, gateway: GatewayProcess, releases: Path
) -> None:
    folder = put_release(releases, BOARD, "0.2.0", app=make_image("0.2.0", size=400_000))
    async with running(tmp_path / "own", "--flash", str(flash), url=gateway.secure_url) as own:
        await own.live()
        await own.ask(ANY)
        await own.ask(command(folder))
        await own.told(lambda e: e["event"] == "update" and e["percent"] >= 30, "a third of it")
        own.process.kill()
        own.process.wait()
    async with device(tmp_path / "own", "--flash", str(flash)) as own:
        await own.live()
        assert ((await own.ask("state"))["fw"], otadata(flash)) == ("0.1.0", [(1, VALID)])
        await own.ask(command(folder))
        await comes_to(own, "rebooting")


async def test_over_https_with_what_is_pinned(
    tmp_path: Path, flash: Path, gateway: GatewayProcess, releases: Path
) -> None:
    folder = put_release(releases, BOARD, "0.2.0", app=make_image("0.2.0"))
    made = self_signed(tmp_path)
    arguments = ["--flash", str(flash), "--ca", str(made.path)]
    async with (
        between(gateway.url, secure=made.server()) as middle,
        device(tmp_path / "own", *arguments, url=middle.url) as own,
    ):
        await own.live()
        await own.ask(command(folder))
        await comes_to(own, "rebooting")


async def test_what_is_refused(tmp_path: Path, flash: Path, gateway: GatewayProcess, releases: Path) -> None:
    good = put_release(releases, BOARD, "0.2.0", app=make_image("0.2.0"))
    other = put_release(releases, "s3-devkit", "0.2.0", app=make_image("0.2.0", board="s3-devkit"))
    chip = put_release(releases, BOARD, "0.3.0", app=make_image("0.3.0", chip=9))
    liar = put_release(releases, BOARD, "0.4.0", app=make_image("0.4.1"))
    async with device(tmp_path / "own", "--flash", str(flash), url=gateway.url) as own:
        await own.live()
        with pytest.raises(Refused, match="update_insecure"):
            await own.ask(command(good))
        await own.ask(ANY)
        for changes in ({"size": 60_000}, {"sha256": "0" * 64}, {"version": "0.9.0"}, {"manifest": "0" * 64}):
            with pytest.raises(Refused, match="update_bad_signature"):
                await own.ask(command(good, **changes))
        with pytest.raises(Refused, match="update_bad_signature"):
            await own.ask(command(other))
        for line, reason in (
            (command(good, path="/api/firmware/none"), "update_http"),
            (command(good, path="/api/firmware/xmini-c3/0.3.0/voicegw.bin"), "update_wrong_version"),
            (command(liar), "update_wrong_version"),
            (command(chip), "update_bad_image"),
        ):
            own.events.clear()
            await own.ask(line)
            await comes_to(own, "failed", reason)
        assert otadata(flash) == [(1, VALID)]
        own.events.clear()
        await own.ask(command(good))
        await comes_to(own, "rebooting")


async def test_only_who_is_known_may_make_firmware(
    tmp_path: Path, flash: Path, gateway: GatewayProcess, releases: Path
) -> None:
    unsigned = put_release(releases, BOARD, "0.2.0", app=make_image("0.2.0"), makers=())
    strange = put_release(releases, BOARD, "0.3.0", app=make_image("0.3.0"), makers=[STRANGER])
    async with device(tmp_path / "own", "--flash", str(flash), url=gateway.secure_url) as own:
        await own.live()
        for folder in (unsigned, strange):
            with pytest.raises(Refused, match="update_unsigned"):
                await own.ask(command(folder))
        [hint, signature] = json.loads(command(strange).partition(" ")[2])["signed"].split(":")
        forged = maker.public(MAKER)[:16] + ":" + signature
        with pytest.raises(Refused, match="update_bad_signature"):
            await own.ask(command(strange, signed=forged))
        assert hint == maker.public(STRANGER)[:16]
        assert otadata(flash) == [(1, VALID)]


async def test_a_device_without_a_makers_key_takes_nothing_until_it_is_told_one(
    tmp_path: Path, gateway: GatewayProcess, releases: Path
) -> None:
    flash = make_flash(tmp_path / "flash.bin", make_image("0.1.0", makers=()))
    folder = put_release(releases, BOARD, "0.2.0", app=make_image("0.2.0"))
    async with device(tmp_path / "own", "--flash", str(flash), url=gateway.secure_url) as own:
        await own.live()
        with pytest.raises(Refused, match="update_no_key"):
            await own.ask(command(folder))
        await own.ask(f"settings set firmware_key {maker.public(STRANGER)},{maker.public(MAKER)}")
        await own.ask(command(folder))
        await comes_to(own, "rebooting")


async def test_a_makers_key_is_replaced_by_way_of_one_that_knows_both(
    tmp_path: Path, flash: Path, gateway: GatewayProcess, releases: Path
) -> None:
    both, new = [MAKER, STRANGER], [STRANGER]
    between_them = put_release(releases, BOARD, "0.2.0", app=make_image("0.2.0", makers=both), makers=both)
    after = put_release(releases, BOARD, "0.3.0", app=make_image("0.3.0", makers=new), makers=new)
    back = put_release(releases, BOARD, "0.4.0", app=make_image("0.4.0"))
    async with device(tmp_path / "own", "--flash", str(flash), url=gateway.secure_url) as own:
        await own.live()
        with pytest.raises(Refused, match="update_unsigned"):
            await own.ask(command(after))
        for number, folder in ((2, between_them), (3, after)):
            await own.ask(command(folder))
            await until(lambda: (number, VALID) in otadata(flash), "proven")  # noqa: B023 -- awaited here
        with pytest.raises(Refused, match="update_unsigned"):
            await own.ask(command(back))


async def test_the_way_back_is_the_operators_to_choose(
    tmp_path: Path, gateway: GatewayProcess, releases: Path
) -> None:
    flash = make_flash(tmp_path / "flash.bin", make_image("0.2.0"))
    put_release(releases, BOARD, "0.1.0", app=make_image("0.1.0"))
    async with client(gateway.url) as http:
        made = (await http.post("/api/devices", json={"name": "hall"})).json()
        async with device(
            tmp_path / "own", "--flash", str(flash), url=gateway.secure_url, key=made["key"]
        ) as own:
            await own.live()
            (await http.post("/api/devices/hall/update", json={"version": "0.1.0"})).raise_for_status()

            async def refused() -> bool:
                told = [r["data"] for r in (await gateway.state())["reports"]]
                return {"command": "update", "ok": False, "reason": "update_older"} in told

            await eventually(refused, "it is refused")
            assert otadata(flash) == [(1, VALID)]
            body = {"version": "0.1.0", "older": True}
            (await http.post("/api/devices/hall/update", json=body)).raise_for_status()
            await comes_to(own, "rebooting")


async def test_a_file_that_is_no_flash_is_named(tmp_path: Path) -> None:
    (tmp_path / "flash.bin").write_bytes(bytes(0x10000))
    process = spawn(tmp_path / "own", ["--flash", str(tmp_path / "flash.bin")])
    await until(lambda: process.poll() is not None, "it ends")
    assert process.returncode == 2
    assert "flash.bin is no flash image" in (tmp_path / "own" / "device.log").read_text()
