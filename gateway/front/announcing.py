"""The announcement on one interface: its own addresses, to whom can reach them, and to nobody else."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import ifaddr
from loguru import logger
from zeroconf import DNSService, IPVersion  # type: ignore[attr-defined]
from zeroconf import Error as ZeroconfError
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

GATEWAY_TYPE = "_voicegw._tcp.local."
FAULTS = (OSError, ZeroconfError, RuntimeError)
"""What zeroconf raises where the network is not as it was a moment ago; the last for an IPv6 address that has gone."""


@dataclass(frozen=True, slots=True)
class Service:
    """What is announced alike on all interfaces: the full name, whose, and where it serves."""

    name: str
    instance_id: str
    port: int
    pin: str
    front: str = ""
    """Which of several fronts this is: they are one gateway, at addresses of their own."""

    @property
    def host(self) -> str:
        """The name that the addresses have."""
        return f"voicegw-{self.instance_id}{f'-{self.front}' if self.front else ''}.local."


def by_interface(addresses: Sequence[str]) -> dict[str, list[str]]:
    """These addresses, grouped by the interface that has them; one that none has is a group of its own."""
    names = {
        (ip.ip if isinstance(ip.ip, str) else ip.ip[0]): str(adapter.nice_name)
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    }
    groups: dict[str, list[str]] = {}
    for address in addresses:
        groups.setdefault(names.get(address, address), []).append(address)
    return groups


class Link:
    """One interface, with sockets of its own, so that nothing is answered here that was asked elsewhere.

    An address of another interface is of no use to who asks on this one (RFC 6762, section 6.2).
    """

    def __init__(self, service: Service, interface: str) -> None:
        self._service = service
        self._interface = interface
        self._zeroconf: AsyncZeroconf | None = None
        self._info: AsyncServiceInfo | None = None
        self._announced: tuple[list[str], str] = ([], "")

    async def announce(self, addresses: list[str], load: str) -> None:
        """Announce these addresses and this load, if that is not what is announced already.

        Raises:
            OSError, zeroconf.Error, RuntimeError: `FAULTS`; `withdraw` then, and try again.
        """
        wanted, rival = (addresses, load), self._rival()
        if wanted == self._announced and rival is None:
            return
        if addresses != self._announced[0]:
            await self.withdraw()
            self._zeroconf = AsyncZeroconf(interfaces=addresses, ip_version=versions(addresses))
            await _bind(self._zeroconf, self._interface)
            await self._register(*wanted)
        elif rival is not None and rival > self._service.host:
            await self._give_way(*wanted)
        elif self._zeroconf is not None and self._info is not None:
            self._info = self._describe(self._info.name, *wanted)
            await self._zeroconf.async_update_service(self._info)
        self._announced = wanted

    async def withdraw(self) -> None:
        """Say goodbye, if anything was announced."""
        zeroconf, self._zeroconf, self._info = self._zeroconf, None, None
        self._announced = ([], "")
        if zeroconf is not None:
            with contextlib.suppress(*FAULTS):
                await zeroconf.async_unregister_all_services()
            await zeroconf.async_close()

    def _rival(self) -> str | None:
        """The host of another gateway under our name: two that start at once don't see each other's probes.

        Of the two the one whose host sorts later keeps the name (RFC 6762, sections 8.2 and 9).
        """
        if self._zeroconf is None or self._info is None:
            return None
        records = self._zeroconf.zeroconf.cache.entries_with_name(self._info.name)
        hosts = {r.server for r in records if isinstance(r, DNSService)} - {self._service.host}
        return max(hosts, default=None)

    async def _register(self, addresses: list[str], load: str) -> None:
        assert self._zeroconf is not None
        self._info = self._describe(self._service.name, addresses, load)
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
            port=self._service.port,
            server=self._service.host,
            properties={
                "v": "1",
                "id": self._service.instance_id,
                "path": "/api/offer",
                "tls": "1",
                "load": load,
                "pin": self._service.pin,
            },
        )


async def _bind(zeroconf: AsyncZeroconf, interface: str) -> None:
    """Have its sockets hear nothing of other interfaces, and send on no other.

    On Linux every member of a group hears it on all interfaces that anyone has joined it on; for IPv6 there is
    nothing less than this against it. Without the right to (before Linux 5.7 it was root's), and elsewhere, it
    stays as it is.
    """
    await zeroconf.zeroconf.async_wait_for_start()
    if not hasattr(socket, "SO_BINDTODEVICE") or interface not in {name for _, name in socket.if_nameindex()}:
        return
    with contextlib.suppress(PermissionError):
        for reader in zeroconf.zeroconf.engine.readers:
            sock: socket.socket = reader.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")


def versions(addresses: Sequence[str]) -> IPVersion:
    """Those of IP that these addresses are of."""
    found = {ipaddress.ip_address(a).version for a in addresses}
    return IPVersion.All if len(found) == 2 else IPVersion.V6Only if 6 in found else IPVersion.V4Only


def cause(error: Exception) -> str:
    """What stands in mDNS's way, as a clause."""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return "another program holds UDP port 5353 for itself"
    return repr(error)
