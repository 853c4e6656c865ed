"""The HTTP socket: bound to all that was asked for or not at all, and where it is reached."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from gateway.errors import ConfigError
from gateway.front import discovery
from gateway.wire.route import unmapped

_BACKLOG: Final = 128
_NO_IPV6: Final = frozenset({errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EADDRNOTAVAIL})
_EVERYBODY: Final = ipaddress.IPv4Address("255.255.255.255")
_WILDCARDS: Final = {"IPv4": (socket.AF_INET, "0.0.0.0"), "IPv6": (socket.AF_INET6, "::")}


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound socket. What it says is read off it, so that only what is listened on is printed and announced."""

    sock: socket.socket

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.sock.getsockname()[1])

    @property
    def _address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        return ipaddress.ip_address(self.sock.getsockname()[0])

    @property
    def _versions(self) -> frozenset[int]:
        if self.sock.family == socket.AF_INET:
            return frozenset({4})
        alone = self.sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        return frozenset({6} if alone else {4, 6})

    @property
    def lan(self) -> Callable[[], list[str]] | None:
        """Gives the machine's addresses that lead here, as they are at the time; `None` if none ever does."""
        if unmapped(str(self._address)).is_loopback:
            return None
        return self._lan

    def _lan(self) -> list[str]:
        if not self._address.is_unspecified:
            return [str(self._address)]
        return [a for a in discovery.lan_addresses() if ipaddress.ip_address(a).version in self._versions]

    @property
    def url(self) -> str:
        """Where a program on this machine finds it."""
        if not self._address.is_unspecified:
            return self._at(str(self._address))
        return self._at("127.0.0.1" if 4 in self._versions else "::1")

    @property
    def secure_url(self) -> str:
        """The same over TLS, as a device is to reach it."""
        return self.url.replace("http:", "https:", 1)

    def urls(self) -> list[str]:
        """Where a browser finds the page: this machine first, then the LAN, over TLS.

        `localhost` is both families' loopback, and may be another program's on the one that is not ours.
        """
        if not self._address.is_unspecified:
            return [self.url if self._address.is_loopback else self.secure_url]
        here = self._at("localhost") if len(self._versions) == 2 else self.url
        return [here, *(self._at(address, "https") for address in self._lan())]

    def _at(self, host: str, scheme: str = "http") -> str:
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"


def listen(host: str, port: int) -> Listener:
    """Bind the socket; `::` takes IPv4 too, and is IPv4 alone on a machine that has no IPv6.

    Raises:
        ConfigError: the address is not ours, or the port is taken, on one of the families say.
    """
    try:
        if host == "::":
            return Listener(_bind_all(port))
        family, address = _resolve(host)
        return Listener(_bind(address, port, family))
    except (OSError, ValueError) as error:
        raise _refusal(host, port, error) from None


def _bind_all(port: int) -> socket.socket:
    try:
        return _bind("::", port, socket.AF_INET6, dualstack=socket.has_dualstack_ipv6())
    except OSError as error:
        if error.errno not in _NO_IPV6:
            raise
        return _bind("0.0.0.0", port, socket.AF_INET)


def _bind(host: str, port: int, family: int, *, dualstack: bool = False) -> socket.socket:
    return socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=dualstack)


def _resolve(host: str) -> tuple[int, str]:
    """The family and the address of a host; of a name that has both, IPv4, as most devices have."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, address = min((int(family), str(sockaddr[0])) for family, _, _, _, sockaddr in found)
    told = ipaddress.ip_address(address)
    if told.is_multicast or told == _EVERYBODY:  # the system binds to these, and nobody reaches it there
        raise OSError(errno.EADDRNOTAVAIL, address)
    if told.version == 6 and told.is_link_local:
        raise ConfigError(f"{host} holds on one link alone, and no URL leads there", remedy=_ours())
    return family, address


def _refusal(host: str, port: int, error: OSError | ValueError) -> ConfigError:
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, socket.gaierror | ValueError):
        return ConfigError(f"there is no host {host}", remedy=_ours())
    if number == errno.EADDRINUSE:
        return ConfigError(
            f"another program has port {port}{_where(host, port)}",
            remedy=f"stop it (who it is: ss -ltnp 'sport = :{port}'), or choose another port with --port",
        )
    if number == errno.EADDRNOTAVAIL:
        return ConfigError(f"{host} is no address of this machine", remedy=_ours())
    if number in {errno.EACCES, errno.EPERM}:
        return ConfigError(
            f"port {port} is the system's, and not for this user",
            remedy="choose one from 1024 on with --port",
        )
    return ConfigError(
        f"cannot listen on {host} port {port}: {error}", remedy="choose others with --host and --port"
    )


def _ours() -> str:
    return f"use one of {', '.join(['127.0.0.1', *discovery.lan_addresses()])}, or :: for all of them"


def _where(host: str, port: int) -> str:
    """Which of the families it is that a program has, where it is not both."""
    if host != "::":
        return f" on {host}"
    taken = [name for name, (family, address) in _WILDCARDS.items() if not _is_free(family, address, port)]
    return f" on {taken[0]}" if len(taken) == 1 else ""


def _is_free(family: int, address: str, port: int) -> bool:
    try:
        with closing(_bind(address, port, family)):
            return True
    except OSError:
        return False
