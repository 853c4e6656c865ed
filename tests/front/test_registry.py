from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import Conflict, NotFound, Unauthorized
from gateway.front.registry import BadName, Registry, Role, open_registry


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    async with open_registry(tmp_path / "data") as opened:
        yield opened


async def test_a_key_finds_its_device(registry: Registry) -> None:
    device, key = await registry.add("kitchen")
    assert await registry.authenticate(key) == device


async def test_a_device_may_only_talk_unless_it_is_said(registry: Registry) -> None:
    assert (await registry.add("kitchen"))[0].role is Role.DEVICE
    assert (await registry.add("desk", Role.OPERATOR))[0].role is Role.OPERATOR


async def test_every_key_is_another(registry: Registry) -> None:
    keys = {(await registry.add(f"d{i}"))[1] for i in range(10)}
    assert len(keys) == 10
    assert all(len(key) > 40 for key in keys)


async def test_the_key_is_not_stored(registry: Registry, tmp_path: Path) -> None:
    _, key = await registry.add("kitchen")
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert b"kitchen" in stored
    assert key.encode() not in stored


async def test_others_cannot_read_the_registry(registry: Registry, tmp_path: Path) -> None:
    await registry.add("kitchen")
    for path in (tmp_path / "data", *(tmp_path / "data").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.parametrize("key", ["", "x", "vgw_", "vgw_" + "a" * 43, "\x00"])
async def test_nobodys_key_is_refused(registry: Registry, key: str) -> None:
    await registry.add("kitchen")
    with pytest.raises(Unauthorized, match="not known"):
        await registry.authenticate(key)


async def test_a_revoked_key_is_refused(registry: Registry) -> None:
    _, key = await registry.add("kitchen")
    await registry.revoke("kitchen")
    with pytest.raises(Unauthorized, match="revoked"):
        await registry.authenticate(key)


async def test_revoking_again_keeps_the_first_time(registry: Registry) -> None:
    await registry.add("kitchen")
    await registry.revoke("kitchen")
    [before] = await registry.all()
    await registry.revoke("kitchen")
    assert await registry.all() == [before]


async def test_a_name_that_no_device_can_have_is_not_there(registry: Registry) -> None:
    with pytest.raises(NotFound, match="there is no device"):
        await registry.revoke("K\udcfcche")  # as a shell hands over what is not UTF-8


async def test_the_unknown_cannot_be_revoked(registry: Registry) -> None:
    with pytest.raises(NotFound):
        await registry.revoke("kitchen")


async def test_a_name_in_use_is_a_conflict(registry: Registry) -> None:
    _, key = await registry.add("kitchen")
    with pytest.raises(Conflict):
        await registry.add("kitchen")
    assert (await registry.authenticate(key)).name == "kitchen"


async def test_a_revoked_name_can_be_used_again(registry: Registry) -> None:
    _, old = await registry.add("kitchen")
    await registry.revoke("kitchen")
    device, key = await registry.add("kitchen")
    assert await registry.all() == [device]
    assert await registry.authenticate(key) == device
    with pytest.raises(Unauthorized):
        await registry.authenticate(old)


@pytest.mark.parametrize(
    "name", ["", ".hidden", "-x", "a b", "a/b", "a\n", "kitchen\n", "a" * 64, "k\u00fcche", "\x00", "a'--"]
)
async def test_a_bad_name_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(BadName):
        await registry.add(name)


@pytest.mark.parametrize("name", ["a", "0", "kitchen-1.left_ear", "a" * 63])
async def test_a_good_name_is_taken(registry: Registry, name: str) -> None:
    assert (await registry.add(name))[0].name == name


async def test_seen_notes_address_and_facts(registry: Registry) -> None:
    await registry.add("kitchen")
    await registry.seen("kitchen", "10.0.0.2", "s3-box", "1.0")
    [device] = await registry.all()
    assert (device.address, device.board, device.fw) == ("10.0.0.2", "s3-box", "1.0")
    assert device.last_seen is not None


async def test_facts_that_are_not_told_are_kept(registry: Registry) -> None:
    await registry.add("kitchen")
    await registry.seen("kitchen", "10.0.0.2", "s3-box", "1.0")
    await registry.seen("kitchen", "10.0.0.3")
    [device] = await registry.all()
    assert (device.address, device.board, device.fw) == ("10.0.0.3", "s3-box", "1.0")


async def test_an_unknown_device_is_not_noted(registry: Registry) -> None:
    await registry.seen("stranger", "10.0.0.2")
    assert await registry.all() == []


async def test_devices_come_by_name_over_a_reopening(tmp_path: Path) -> None:
    async with open_registry(tmp_path) as registry:
        await registry.add("b")
        _, key = await registry.add("a")
    async with open_registry(tmp_path) as registry:
        assert [d.name for d in await registry.all()] == ["a", "b"]
        assert (await registry.authenticate(key)).name == "a"


async def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    async with open_registry(tmp_path) as one, open_registry(tmp_path) as other:
        await asyncio.gather(*(r.add(f"{i}-{j}") for i, r in enumerate((one, other)) for j in range(20)))
        assert len(await one.all()) == 40
