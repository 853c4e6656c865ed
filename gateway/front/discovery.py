"""mDNS: announce the gateway on every LAN interface, and hear of the devices there."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import ifaddr
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from gateway.front.announcing import FAULTS, GATEWAY_TYPE, Link, Service, by_interface, cause, versions
from gateway.recurring import Recurring

DEVICE_TYPE = "_voicedev._tcp.local."
REFRESH_SECONDS = 5.0
MAX_NAME_BYTES = 55
"""A DNS label has 63 (RFC 1035, section 2.3.4); the rest is for the number that tells namesakes apart."""
PIN_DIGITS = 16
_RESOLVE_MS = 2_000
MAX_LOOKUPS = 64
"""Under way: each takes a moment, and anyone can announce thousands."""


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
    """Announces the gateway until it is stopped, on each interface with the addresses that it has at the time.

    Args:
        name: the gateway's.
        instance_id: stable over restarts, so that devices know the gateway they are paired with.
        port: of its HTTP server.
        addresses: gives what to announce; looked at every few seconds.
        load: gives the fraction of sessions in use, 0 to 1.
        pin: of its identity; a prefix is announced, for a person to compare.
        front: which of several fronts this is.
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
        front: str = "",
    ) -> None:
        label = name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")
        self._service = Service(f"{label}.{GATEWAY_TYPE}", instance_id, port, pin[:PIN_DIGITS], front)
        self._addresses = addresses
        self._load = load
        self._links: dict[str, Link] = {}
        self._trouble = Recurring("the gateway cannot be announced by mDNS")

    async def run(self) -> None:
        """Announce, follow changes of addresses and load, and say goodbye when cancelled."""
        try:
            while True:
                await self._refresh()
                await asyncio.sleep(REFRESH_SECONDS)
        finally:
            await self._withdraw(list(self._links))

    async def _refresh(self) -> None:
        try:
            groups = by_interface(self._addresses())
        except FAULTS as error:
            groups = {}
            self._trouble.met(cause(error))
        await self._withdraw([name for name in self._links if name not in groups])
        load = f"{self._load():.1f}"
        links = [self._links.setdefault(name, Link(self._service, name)) for name in groups]
        pairs = zip(links, groups.values(), strict=True)
        done = await asyncio.gather(*(self._announce(link, own, load) for link, own in pairs))
        if groups and all(done):
            self._trouble.over()
        elif not groups:
            self._trouble.met("this machine is on no network")

    async def _announce(self, link: Link, addresses: list[str], load: str) -> bool:
        """One interface that can't do it, a tunnel say, is no reason to leave the others out."""
        try:
            await link.announce(addresses, load)
        except FAULTS as error:
            self._trouble.met(cause(error))
            await link.withdraw()
            return False
        return True

    async def _withdraw(self, names: list[str]) -> None:
        await asyncio.gather(*(self._links.pop(name).withdraw() for name in names))


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
    zeroconf = AsyncZeroconf(interfaces=addresses, ip_version=versions(addresses))
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
