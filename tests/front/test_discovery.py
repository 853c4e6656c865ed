"""mDNS over loopback: what is announced is found, changed and withdrawn."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
from collections.abc import AsyncIterator

import pytest
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from gateway.front import discovery
from gateway.front.announcing import GATEWAY_TYPE
from gateway.front.discovery import DEVICE_TYPE, Announcer, Found
from tests.support.waiting import until

LOOPBACK = ["127.0.0.1"]
NAME = f"test-{os.getpid()}"


class Ear:
    """What is there, and what has gone."""

    def __init__(self) -> None:
        self.found: dict[str, Found] = {}
        self.gone: list[str] = []

    def note(self, name: str, found: Found | None) -> None:
        if found is None:
            self.found.pop(name, None)
            self.gone.append(name)
        else:
            self.found[name] = found


class Machine:
    """What a gateway would ask of its machine, to be changed by hand."""

    def __init__(self, instance_id: str = "cafe0001") -> None:
        self.id = instance_id
        self.addresses = list(LOOPBACK)
        self.load = 0.0


@contextlib.asynccontextmanager
async def announcing(machine: Machine, name: str = NAME) -> AsyncIterator[Announcer]:
    announcer = Announcer(
        name=name,
        instance_id=machine.id,
        port=7860,
        addresses=lambda: machine.addresses,
        load=lambda: machine.load,
        pin="c0ffee" * 10,
    )
    task = asyncio.create_task(announcer.run())
    try:
        yield announcer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    heard = Ear()
    async with discovery.browse(GATEWAY_TYPE, heard.note, LOOPBACK):
        yield heard


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "REFRESH_SECONDS", 0.05)


async def test_a_gateway_is_found_with_everything_that_a_device_needs(ear: Ear) -> None:
    async with announcing(Machine()):
        await until(lambda: NAME in ear.found, "it is found")
    assert ear.found.get(NAME) or ear.gone
    found = Found(
        NAME,
        "127.0.0.1",
        7860,
        {
            "v": "1",
            "id": "cafe0001",
            "path": "/api/offer",
            "tls": "1",
            "load": "0.0",
            "pin": "c0ffeec0ffeec0ff",
        },
    )
    async with announcing(Machine()):
        await until(lambda: ear.found.get(NAME) == found, "it is found as it is")


async def test_it_says_goodbye(ear: Ear) -> None:
    async with announcing(Machine()):
        await until(lambda: NAME in ear.found, "it is found")
    await until(lambda: NAME in ear.gone, "its goodbye is heard")


@pytest.mark.usefixtures("often")
async def test_its_load_is_kept_up_to_date(ear: Ear) -> None:
    machine = Machine()
    async with announcing(machine):
        await until(lambda: NAME in ear.found, "it is found")
        machine.load = 0.52
        await until(lambda: ear.found[NAME].properties["load"] == "0.5", "its load is heard")


@pytest.mark.usefixtures("often")
async def test_it_comes_and_goes_with_its_addresses(ear: Ear) -> None:
    machine = Machine()
    async with announcing(machine):
        await until(lambda: NAME in ear.found, "it is found")
        machine.addresses = []
        await until(lambda: NAME in ear.gone, "its goodbye is heard")
        machine.addresses = list(LOOPBACK)
        await until(lambda: NAME in ear.found, "it is found again")


@pytest.mark.usefixtures("often")
async def test_an_address_that_cannot_be_used_is_tried_until_it_can(ear: Ear) -> None:
    machine = Machine()
    machine.addresses = ["192.0.2.99"]
    async with announcing(machine):
        machine.addresses = list(LOOPBACK)
        await until(lambda: NAME in ear.found, "it is found after all")


def namesakes(ear: Ear) -> dict[str, str]:
    """The names that begin with ours, and whose they are."""
    return {name: found.properties["id"] for name, found in ear.found.items() if name.startswith(NAME)}


@pytest.mark.usefixtures("often")
async def test_two_of_one_name_are_both_found(ear: Ear) -> None:
    first, second = Machine("cafe0001"), Machine("cafe0002")
    async with announcing(first):
        await until(lambda: NAME in ear.found, "the first is found")
        async with announcing(second):
            both = {NAME: first.id, f"{NAME}-2": second.id}
            await until(lambda: namesakes(ear) == both, "both are found")
            second.load = 0.5
            await until(
                lambda: ear.found[f"{NAME}-2"].properties["load"] == "0.5", "the second's load is heard"
            )
            assert namesakes(ear) == both


@pytest.mark.usefixtures("often")
async def test_two_that_start_at_once_are_both_found(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    # Zeroconf waits for a random time before it probes, which mostly parts them.
    monkeypatch.setattr("random.randint", lambda low, _high: low)
    async with announcing(Machine("cafe0001")), announcing(Machine("cafe0002")):
        both = {NAME: "cafe0002", f"{NAME}-2": "cafe0001"}
        await until(lambda: namesakes(ear) == both, "both are found, and the later id keeps the name")


@pytest.mark.parametrize("name", ["K\u00fcche", "a b", "a.b", "x" * 55])
async def test_any_host_name_will_do(ear: Ear, name: str) -> None:
    async with announcing(Machine(), name):
        await until(lambda: name in ear.found, "it is found")


async def test_a_name_that_is_too_long_is_cut(ear: Ear) -> None:
    async with announcing(Machine(), "y" * 80):
        await until(lambda: "y" * 55 in ear.found, "it is found")


async def test_devices_are_scanned_for() -> None:
    service = AsyncZeroconf(interfaces=LOOPBACK)
    info = ServiceInfo(
        DEVICE_TYPE,
        f"{NAME}.{DEVICE_TYPE}",
        addresses=[ipaddress.ip_address("127.0.0.1").packed],
        port=0,
        properties={"id": "a1", "board": "s3-box", "fw": None, "state": b"\xff"},
    )
    await service.async_register_service(info)
    try:
        found = {f.name: f for f in await discovery.scan(DEVICE_TYPE, 3, LOOPBACK)}
    finally:
        await service.async_close()
    assert found[NAME].properties == {"id": "a1", "board": "s3-box", "fw": "", "state": "\ufffd"}


def test_the_lan_has_no_loopback() -> None:
    for text in discovery.lan_addresses():
        address = ipaddress.ip_address(text)
        assert not address.is_loopback
        assert not (address.version == 6 and address.is_link_local)
