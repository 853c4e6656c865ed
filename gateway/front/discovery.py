"""mDNS: announce the gateway on every LAN interface, and hear of the devices there."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import ifaddr
from loguru import logger
from zeroconf import DNSService, IPVersion, ServiceStateChange, Zeroconf  # type: ignore[attr-defined]
from zeroconf import Error as ZeroconfError
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from gateway.recurring import Recurring

GATEWAY_TYPE = "_voicegw._tcp.local."
DEVICE_TYPE = "_voicedev._tcp.local."
REFRESH_SECONDS = 5.0
MAX_NAME_BYTES = 55
"""A DNS label has 63 (RFC 1035, section 2.3.4); the rest is for the number that tells namesakes apart."""
PIN_DIGITS = 16
_RESOLVE_MS = 2_000
MAX_LOOKUPS = 64
"""Under way: each takes a moment, and anyone can announce thousands."""
FAULTS = (OSError, ZeroconfError, RuntimeError)
"""What zeroconf raises where the network is not as it was a moment ago; the last for an IPv6 address that has gone."""


@dataclass(frozen=True, slots=True)
class Found:
    """A service that was seen: its name without the type, its first address, and its TXT values."""

    name: str
    address: str | None
    port: int
    properties: dict[str, str]


def lan_addresses() -> list[str]:
    """This machine's addresses that a LAN can reach: no loopback, no IPv6 link-local."""
    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            address = ipaddress.ip_address(text)
            if not address.is_loopback and not (address.version == 6 and address.is_link_local):
                found.append(str(address))
    return sorted(set(found))


class Announcer:
    """Announces the gateway until it is stopped, on the addresses that the machine has at the time.

    Args:
        name: the gateway's.
        instance_id: stable over restarts, so that devices know the gateway they are paired with.
        port: of its HTTP server.
        addresses: gives what to announce; looked at every few seconds.
        load: gives the fraction of sessions in use, 0 to 1.
        pin: of its identity; a prefix is announced, for a person to compare.
    """

    def __init__(  # noqa: PLR0913 -- what is announced
        self,
        *,
        name: str,
        instance_id: str,
        port: int,
        addresses: Callable[[], list[str]],
        load: Callable[[], float],
        pin: str,
    ) -> None:
        label = name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")
        self._name = f"{label}.{GATEWAY_TYPE}"
        self._id = instance_id
        self._server = f"voicegw-{instance_id}.local."
        self._port = port
        self._addresses = addresses
        self._load = load
        self._pin = pin[:PIN_DIGITS]
        self._zeroconf: AsyncZeroconf | None = None
        self._info: AsyncServiceInfo | None = None
        self._announced: tuple[list[str], str] = ([], "")
        self._trouble = Recurring("the gateway cannot be announced by mDNS")

    async def run(self) -> None:
        """Announce, follow changes of addresses and load, and say goodbye when cancelled."""
        try:
            while True:
                await self._refresh()
                await asyncio.sleep(REFRESH_SECONDS)
        finally:
            await self._withdraw()

    async def _refresh(self) -> None:
        try:
            addresses = self._addresses()
            await self._announce(addresses, f"{self._load():.1f}")
        except FAULTS as error:
            self._trouble.met(cause(error))
            await self._withdraw()
            return
        if addresses:
            self._trouble.over()
        else:
            self._trouble.met("this machine is on no network")

    async def _announce(self, addresses: list[str], load: str) -> None:
        wanted, rival = (addresses, load), self._rival()
        if wanted == self._announced and rival is None:
            return
        if addresses != self._announced[0]:
            await self._withdraw()
            if addresses:
                self._zeroconf = AsyncZeroconf(interfaces=addresses, ip_version=_versions(addresses))
                await self._register(*wanted)
        elif rival is not None and rival > self._server:
            await self._give_way(*wanted)
        elif self._zeroconf is not None and self._info is not None:
            self._info = self._describe(self._info.name, *wanted)
            await self._zeroconf.async_update_service(self._info)
        self._announced = wanted

    def _rival(self) -> str | None:
        """The host of another gateway under our name: two that start at once don't see each other's probes.

        Of the two the one whose host sorts later keeps the name (RFC 6762, sections 8.2 and 9).
        """
        if self._zeroconf is None or self._info is None:
            return None
        records = self._zeroconf.zeroconf.cache.entries_with_name(self._info.name)
        hosts = {r.server for r in records if isinstance(r, DNSService)} - {self._server}
        return max(hosts, default=None)

    async def _register(self, addresses: list[str], load: str) -> None:
        assert self._zeroconf is not None
        self._info = self._describe(self._name, addresses, load)
        await self._zeroconf.async_register_service(self._info, allow_name_change=True)
        logger.info("announced as {} on {}", self._info.name, ", ".join(addresses))

    async def _give_way(self, addresses: list[str], load: str) -> None:
        """Take another name, with no goodbye for this one: it is the rival's."""
        assert self._zeroconf is not None
        assert self._info is not None
        self._zeroconf.zeroconf.registry.async_remove(self._info)
        await self._register(addresses, load)

    def _describe(self, name: str, addresses: list[str], load: str) -> AsyncServiceInfo:
        return AsyncServiceInfo(
            GATEWAY_TYPE,
            name,
            addresses=[ipaddress.ip_address(a).packed for a in addresses],
            port=self._port,
            server=self._server,
            properties={
                "v": "1",
                "id": self._id,
                "path": "/api/offer",
                "tls": "1",
                "load": load,
                "pin": self._pin,
            },
        )

    async def _withdraw(self) -> None:
        zeroconf, self._zeroconf, self._info = self._zeroconf, None, None
        self._announced = ([], "")
        if zeroconf is not None:
            with contextlib.suppress(*FAULTS):
                await zeroconf.async_unregister_all_services()
            await zeroconf.async_close()


def cause(error: Exception) -> str:
    """What stands in mDNS's way, as a clause."""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return "another program holds UDP port 5353 for itself"
    return repr(error)


def _versions(addresses: list[str]) -> IPVersion:
    versions = {ipaddress.ip_address(a).version for a in addresses}
    return IPVersion.All if len(versions) == 2 else IPVersion.V6Only if 6 in versions else IPVersion.V4Only


@contextlib.asynccontextmanager
async def browse(
    service: str, on_change: Callable[[str, Found | None], None], addresses: list[str]
) -> AsyncIterator[None]:
    """Follow the services of a type for as long as the block runs.

    Args:
        service: `GATEWAY_TYPE` or `DEVICE_TYPE`.
        on_change: is given a name and what was found, or `None` when it said goodbye.
        addresses: of the interfaces to listen on.
    """
    zeroconf = AsyncZeroconf(interfaces=addresses, ip_version=_versions(addresses))
    lookups: set[asyncio.Task[None]] = set()

    async def look_up(name: str) -> None:
        info = AsyncServiceInfo(service, name)
        if await info.async_request(zeroconf.zeroconf, _RESOLVE_MS):
            on_change(_short(name, service), _found(name, service, info))

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:  # noqa: ARG001
        if state_change is ServiceStateChange.Removed:
            on_change(_short(name, service), None)
            return
        if len(lookups) >= MAX_LOOKUPS:
            return  # who is there for longer is announced again
        task = asyncio.create_task(look_up(name), name=f"mdns-{name}")
        lookups.add(task)
        task.add_done_callback(lookups.discard)

    browser = AsyncServiceBrowser(zeroconf.zeroconf, service, handlers=[changed])
    try:
        yield
    finally:
        await browser.async_cancel()
        for task in tuple(lookups):
            task.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)
        await zeroconf.async_close()


def _short(name: str, service: str) -> str:
    return name.removesuffix("." + service)


def _found(name: str, service: str, info: AsyncServiceInfo) -> Found:
    addresses = info.parsed_addresses()
    properties = {
        k.decode(errors="replace"): (v or b"").decode(errors="replace") for k, v in info.properties.items()
    }
    return Found(_short(name, service), addresses[0] if addresses else None, info.port or 0, properties)


async def scan(service: str, seconds: float, addresses: list[str]) -> list[Found]:
    """Browse for a while and give what was there at its end, by name."""
    found: dict[str, Found] = {}

    def note(name: str, what: Found | None) -> None:
        if what is None:
            found.pop(name, None)
        else:
            found[name] = what

    async with browse(service, note, addresses):
        await asyncio.sleep(seconds)
    return sorted(found.values(), key=lambda f: f.name)
