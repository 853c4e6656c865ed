"""mDNS: the gateways and devices that the LAN announces. docs/protocol.md, Discovery."""

from __future__ import annotations

import errno
import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import ifaddr
from zeroconf import IPVersion, ServiceBrowser, ServiceListener, Zeroconf

from ground.trouble import reason

GATEWAYS = "_voicegw._tcp.local."
DEVICES = "_voicedev._tcp.local."
_RESOLVE_MS = 1_500


@dataclass(frozen=True, slots=True)
class Service:
    """Something announced: its name without the type, its addresses, and its TXT values."""

    name: str
    addresses: tuple[str, ...]
    port: int
    properties: dict[str, str]

    @property
    def address(self) -> str:
        """One of its addresses, IPv4 if it has such; nothing if it has none."""
        return next((a for a in self.addresses if ":" not in a), self.addresses[0] if self.addresses else "")

    @property
    def url(self) -> str:
        """Where it serves HTTP, if it is a gateway."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.properties.get('tls') == '1' else 'http'}://{host}:{self.port}"


def interfaces() -> dict[str, list[str]]:
    """The IPv4 addresses of this machine, by interface; no loopback, no link-local."""
    found: dict[str, list[str]] = {}
    for adapter in ifaddr.get_adapters():
        usable = [ip.ip for ip in adapter.ips if isinstance(ip.ip, str) and _is_of_a_lan(ip.ip)]
        if usable:
            found[adapter.nice_name] = usable
    return found


def _is_of_a_lan(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return not (address.is_loopback or address.is_link_local)


class _Listener(ServiceListener):
    def __init__(self) -> None:
        self.found: dict[str, Service] = {}
        self.seen = threading.Event()

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        info = zc.get_service_info(type_, name, timeout=_RESOLVE_MS)
        if info is None:
            return
        properties = {
            k.decode(errors="replace"): (v or b"").decode(errors="replace")
            for k, v in info.properties.items()
        }
        short = name.removesuffix("." + type_)
        self.found[short] = Service(short, tuple(info.parsed_addresses()), info.port or 0, properties)
        self.seen.set()

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.add_service(zc, type_, name)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        del zc
        self.found.pop(name.removesuffix("." + type_), None)


def why_not(error: OSError) -> tuple[str, str]:
    """Why nothing can be heard by mDNS, and what to do about it."""
    if error.errno == errno.EADDRINUSE:
        return (
            "UDP 5353, the port of mDNS, is held by another program for itself alone",
            "end it, or have it share the port: ss -ulpn 'sport = 5353' names it",
        )
    return f"the network cannot be listened to: {reason(error)}", "look at this machine's network"


def browse(
    service: str,
    seconds: float,
    *,
    enough: Callable[[dict[str, Service]], bool] = lambda _: False,
    loopback: bool = False,
) -> list[Service]:
    """What is announced, by name.

    Args:
        service: `GATEWAYS` or `DEVICES`.
        seconds: to listen.
        enough: ends it before, given what was found.
        loopback: listen on 127.0.0.1 only.

    Raises:
        OSError: this machine has no network to listen on.
    """
    addresses = ["127.0.0.1"] if loopback else [a for of_one in interfaces().values() for a in of_one]
    if not addresses:
        raise OSError("this machine is on no network")
    listener = _Listener()
    with Zeroconf(interfaces=addresses, ip_version=IPVersion.V4Only) as zeroconf:
        browser = ServiceBrowser(zeroconf, service, listener)
        until = time.monotonic() + seconds
        while time.monotonic() < until and not enough(listener.found):
            listener.seen.wait(min(0.2, seconds))
            listener.seen.clear()
        browser.cancel()
    return [listener.found[name] for name in sorted(listener.found)]
