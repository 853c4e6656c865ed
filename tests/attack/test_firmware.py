"""Firmware: whoever plays gateway, or writes to its releases, puts nothing onto a device but what its maker made, and
nothing old."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.board_flash import BOARD, SLOTS, VALID, make_flash, make_image, otadata
from tests.support.device import Device, device
from tests.support.gateway import GatewayProcess, client, serving
from tests.support.releases import STRANGER, put_release
from tests.support.waiting import eventually

NAME = "pantry"
Told = Callable[[str, float | None], None]
UNTOUCHED = b"\xff" * 4096


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    """One for all: it looks at its releases when it is asked for one."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "releases").mkdir()
    async with serving(folder, {"releases": str(folder / "releases")}) as started:
        yield started


@pytest.fixture
def releases(gateway: GatewayProcess) -> Path:
    folder = gateway.directory / "releases"
    shutil.rmtree(folder)
    folder.mkdir()
    return folder


@asynccontextmanager
async def victim(gateway: GatewayProcess) -> AsyncIterator[tuple[Device, Path]]:
    """A device that runs 0.5.0, in a call with the gateway that it trusts, which the attacker has."""
    folder = Path(tempfile.mkdtemp(dir=gateway.directory))
    flash = make_flash(folder / "flash.bin", make_image("0.5.0"))
    async with client(gateway.url) as http:
        added = (await http.post("/api/devices", json={"name": NAME})).raise_for_status()
        key = added.json()["key"]
        async with device(folder / "own", "--flash", str(flash), url=gateway.secure_url, key=key) as own:
            await own.live()
            yield own, flash
        (await http.delete(f"/api/devices/{NAME}")).raise_for_status()


async def refusal(gateway: GatewayProcess, version: str) -> str:
    """What the device says to this update."""
    async with client(gateway.url) as http:
        before = len((await gateway.state())["reports"])
        answer = await http.post(f"/api/devices/{NAME}/update", json={"version": version})
        assert answer.status_code == 202, answer.text
        found: list[str] = []

        async def told() -> bool:
            new = [r["data"] for r in (await gateway.state())["reports"][before:]]
            found[:] = [d["reason"] for d in new if d.get("ok") is False or d.get("state") == "failed"]
            return bool(found) or any(d.get("state") == "rebooting" for d in new)

        await eventually(told, "the device has answered")
        return found[0] if found else "taken"


def is_untouched(flash: Path) -> bool:
    return otadata(flash) == [(1, VALID)] and flash.read_bytes().startswith(UNTOUCHED, SLOTS[1])


@pytest.mark.parametrize(("makers", "said"), [((), "update_unsigned"), ((STRANGER,), "update_unsigned")])
async def test_firmware_of_a_stranger(
    gateway: GatewayProcess, releases: Path, makers: tuple[object, ...], said: str, told: Told
) -> None:
    put_release(releases, BOARD, "0.6.0", app=make_image("0.6.0"), makers=makers)  # type: ignore[arg-type]
    async with victim(gateway) as (_, flash):
        assert await refusal(gateway, "0.6.0") == said
        assert is_untouched(flash)
    told("nothing: no byte was written", None)


async def test_firmware_of_a_stranger_that_says_it_is_the_makers(
    gateway: GatewayProcess, releases: Path, told: Told
) -> None:
    real = put_release(releases, BOARD, "0.6.0", app=make_image("0.6.0"))
    signatures = json.loads((real / "manifest.json").read_text())["signatures"]
    forged = put_release(releases, BOARD, "0.7.0", app=make_image("0.7.0"), makers=())
    manifest = forged / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"signatures": signatures}))
    async with victim(gateway) as (_, flash):
        assert await refusal(gateway, "0.7.0") == "update_bad_signature"
        assert is_untouched(flash)
    told("nothing: no byte was written", None)


async def test_another_image_under_the_makers_signature(
    gateway: GatewayProcess, releases: Path, told: Told
) -> None:
    """As large, for the same board, of the version that was signed; the manifest is the maker's own."""
    image = make_image("0.6.0")
    folder = put_release(releases, BOARD, "0.6.0", app=image)
    worse = bytearray(make_image("0.6.0", makers=[STRANGER]))
    assert len(worse) == len(image)
    (folder / "voicegw.bin").write_bytes(worse)
    async with victim(gateway) as (own, flash):
        assert await refusal(gateway, "0.6.0") == "update_bad_hash"
        assert otadata(flash) == [(1, VALID)]
        assert (await own.ask("update"))["slot"] == "ota_0"
    told("bytes in the slot that does not boot", None)


async def test_the_makers_own_old_firmware(gateway: GatewayProcess, releases: Path, told: Told) -> None:
    put_release(releases, BOARD, "0.4.9", app=make_image("0.4.9"))
    async with victim(gateway) as (_, flash):
        assert await refusal(gateway, "0.4.9") == "update_older"
        assert is_untouched(flash)
    told("nothing: no byte was written", None)


async def test_the_makers_own_old_firmware_that_is_said_to_be_new(
    gateway: GatewayProcess, releases: Path, told: Told
) -> None:
    folder = put_release(releases, BOARD, "0.4.9", app=make_image("0.4.9"))
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace("0.4.9", "0.6.0"))
    async with victim(gateway) as (_, flash):
        assert await refusal(gateway, "0.6.0") == "update_bad_signature"
        assert is_untouched(flash)
    told("nothing: no byte was written", None)


async def test_a_second_identity_or_maker_that_is_told_in_a_call(gateway: GatewayProcess, told: Told) -> None:
    """By whoever speaks in a call, a bot say: whom a device trusts is its owner's to say, on its console."""
    async with victim(gateway) as (own, _), client(gateway.url) as http:
        before = await own.ask("settings")
        for command in ("fingerprint", "firmware_key", "settings", "ca"):
            body = {"command": command, "value": "0" * 64}
            (await http.post(f"/api/devices/{NAME}/command", json=body)).raise_for_status()

        async def answered() -> bool:
            reports = [r["data"] for r in (await gateway.state())["reports"]]
            return len([d for d in reports if d.get("reason") == "unknown_command"]) == 4

        await eventually(answered, "each is refused")
        assert await own.ask("settings") == before
    told("nothing: no such command", None)
