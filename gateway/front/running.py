"""The gateway while it runs: all its parts, started and stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address

from loguru import logger

from gateway.environment import api_keys
from gateway.front import announcing, discovery
from gateway.front.mqtt import HomeAssistantDevices
from gateway.front.parts import Gateway, assembled, heard, stranger
from gateway.front.registry import Registry, open_registry
from gateway.front.registry_file import StorageError
from gateway.front.shared.joined import Joined, joined
from gateway.front.shared.others import Others
from gateway.front.switchboard import Switchboard
from gateway.ice_servers import IceServer
from gateway.rate import Buckets
from gateway.recurring import Recurring
from gateway.settings import Settings
from gateway.wire.calls import Unreadable

REVOCATION_SECONDS = 2.0
MAX_ON_LAN = 256
"""Devices that only mDNS knows: more than a home has."""


@asynccontextmanager
async def running(
    settings: Settings, *, port: int, lan: Callable[[], list[str]] | None = None
) -> AsyncIterator[Gateway]:
    """Start every part, and stop them all at the end of the block.

    Args:
        settings: the gateway's.
        port: of the HTTP server, for the announcement.
        lan: gives the addresses to announce, as they are at the time; without it nothing is announced.

    Raises:
        ConfigError: a setting that cannot work.
    """
    async with open_registry(settings.data_dir) as registry:
        if settings.nats is None:
            async with _running(settings, registry, None, port, lan) as gateway:
                yield gateway
            return
        async with (
            joined(settings, settings.nats, registry) as shared,
            _running(settings, shared.registry, shared, port, lan) as gateway,
        ):
            yield gateway


@asynccontextmanager
async def _running(
    settings: Settings,
    registry: Registry,
    shared: Joined | None,
    port: int,
    lan: Callable[[], list[str]] | None,
) -> AsyncIterator[Gateway]:
    gateway = assembled(settings, registry, shared)
    await gateway.promises.load()
    for call in await gateway.workers.adopt():
        try:
            gateway.switchboard.adopt(call)
        except Unreadable as error:  # nobody could say whose it is, nor end it when their key is revoked
            logger.warning("call {} is ended: {}", call.session_id, error.message)
            await gateway.switchboard.end(call.session_id, "stopping")
    await gateway.workers.start()
    gateway.switchboard.neighbours.relays = await _addresses_of(settings.ice_servers)
    chores = _chores(gateway, shared)
    if settings.announce and lan is not None:
        chores += _start_discovery(gateway, port, lan)
    try:
        yield gateway
    finally:
        await _stop(gateway, chores)


async def _stop(gateway: Gateway, chores: list[asyncio.Task[None]]) -> None:
    gateway.stop_accepting()
    for chore in chores:
        chore.cancel()
    await asyncio.gather(*chores, return_exceptions=True)
    await gateway.rollouts.stop()
    await gateway.workers.stop()
    await gateway.switchboard.close()
    await gateway.telemetry.close()


def _chores(gateway: Gateway, shared: Joined | None) -> list[asyncio.Task[None]]:
    """What goes on beside the requests."""
    stirred = asyncio.Event()
    work = {
        "keys": _look_after_keys(gateway.switchboard, stirred),
        "promises": gateway.promises.run(),
        "memory": gateway.memory.run(),
    }
    if (shown := _in_home_assistant(gateway)) is not None:
        work["mqtt"] = shown.run()
    if shared is not None:
        gateway.telemetry.tell = shared.telling.tell
        work["others"] = Others(shared, gateway.telemetry.show, stirred.set).run()
    return [asyncio.create_task(coroutine, name=name) for name, coroutine in work.items()]


def _in_home_assistant(gateway: Gateway) -> HomeAssistantDevices | None:
    if gateway.settings.mqtt is None:
        return None
    return HomeAssistantDevices(
        gateway.settings.mqtt,
        api_keys(),
        gateway_id=gateway.instance_id,
        registry=gateway.registry,
        switchboard=gateway.switchboard,
        telemetry=gateway.telemetry,
        promises=gateway.promises,
        tools=gateway.tools,
    )


async def _addresses_of(servers: Iterable[IceServer]) -> frozenset[IPv4Address | IPv6Address]:
    """Of those that relay, as they are now."""
    found: set[IPv4Address | IPv6Address] = set()
    for host in {host for server in servers for host in server.relays}:
        try:
            told = await asyncio.get_running_loop().getaddrinfo(host, None)
        except OSError as error:
            logger.warning("TURN server {} has no address: {}", host, error)
        else:
            found |= {ip_address(str(address[0]).partition("%")[0]) for *_, address in told}
    return frozenset(found)


async def _look_after_keys(switchboard: Switchboard, stirred: asyncio.Event | None = None) -> None:
    """Every now and then, for a command may have changed the file; at once where another front says so."""
    trouble = Recurring("calls of revoked devices could not be ended", level="ERROR")
    stirred = stirred or asyncio.Event()
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stirred.wait(), REVOCATION_SECONDS)
        stirred.clear()
        try:
            await switchboard.end_revoked()
            trouble.over()
            switchboard.shared_keys.tidy()
        except StorageError as error:
            trouble.met(error.message)
        except Exception as error:  # noqa: BLE001 -- whatever it was: from here on revoking would do nothing
            trouble.met(repr(error), error)


def _start_discovery(
    gateway: Gateway, port: int, addresses: Callable[[], list[str]]
) -> list[asyncio.Task[None]]:
    settings = gateway.settings
    announcer = discovery.Announcer(
        name=settings.name,
        instance_id=gateway.instance_id,
        pin=gateway.certificates.identity.pin,
        port=port,
        addresses=addresses,
        load=lambda: gateway.workers.load,
        front=secrets.token_hex(3) if settings.nats is not None else "",
    )
    return [
        asyncio.create_task(announcer.run(), name="announce"),
        asyncio.create_task(_browse(gateway, addresses), name="browse"),
    ]


async def _browse(gateway: Gateway, addresses: Callable[[], list[str]]) -> None:
    """Hear of devices, on the addresses that the machine has at the time: Wi-Fi may come up later than we do."""

    def changed(name: str, found: discovery.Found | None) -> None:
        if found is None:
            gateway.on_lan.pop(name, None)
            return
        if name not in gateway.on_lan and len(gateway.on_lan) >= MAX_ON_LAN:
            crowd.met(f"there are {MAX_ON_LAN}")
            return
        gateway.on_lan[name] = heard(found)
        if not told.take("device"):
            event = stranger(gateway.on_lan[name], gateway.switchboard.devices_live())
            gateway.telemetry.publish("device", event)

    trouble = Recurring("devices cannot be heard of by mDNS")
    crowd = Recurring("more devices announce themselves than are shown", and_now="the others are left out")
    told = Buckets(MAX_ON_LAN / 4, 10)
    while True:
        try:
            if current := addresses():
                async with discovery.browse(discovery.DEVICE_TYPE, changed, current):
                    trouble.over()
                    while addresses() == current:  # noqa: ASYNC110 -- the system tells of no change
                        await asyncio.sleep(discovery.REFRESH_SECONDS)
                gateway.on_lan.clear()
        except announcing.FAULTS as error:
            trouble.met(announcing.cause(error))
        await asyncio.sleep(discovery.REFRESH_SECONDS)
