"""Gateways on the LAN, as mDNS sees them: announced by the rig, so that there can be none, one or two."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping

from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

from hil.backends import Reached

_KIND = "_voicegw._tcp.local."
_LISTENED_SECONDS = 1.5


@contextlib.contextmanager
def announced(reached: Reached, gateways: Mapping[str, tuple[int, float]]) -> Iterator[None]:
    """Announce gateways by identity, each with port and load, for the length of the block."""
    address = reached.known_as
    zeroconf = Zeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
    try:
        for identity, (port, load) in gateways.items():
            zeroconf.register_service(_service(identity, address, port, load))
        yield
    finally:
        zeroconf.unregister_all_services()
        zeroconf.close()


def strangers(reached: Reached) -> list[str]:
    """Gateways that others announce there."""
    zeroconf = Zeroconf(interfaces=[reached.known_as], ip_version=IPVersion.V4Only)
    found: list[str] = []

    def note(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        del zeroconf, service_type
        if state_change is ServiceStateChange.Added:
            found.append(name.removesuffix(f".{_KIND}"))

    browser = ServiceBrowser(zeroconf, _KIND, handlers=[note])
    try:
        time.sleep(_LISTENED_SECONDS)
    finally:
        browser.cancel()
        zeroconf.close()
    return found


def _service(identity: str, address: str, port: int, load: float) -> ServiceInfo:
    return ServiceInfo(
        _KIND,
        f"{identity}.{_KIND}",
        addresses=[socket.inet_aton(address)],
        port=port,
        properties={"v": "1", "id": identity, "path": "/api/offer", "tls": "1", "load": f"{load:.1f}"},
        server=f"{identity}.local.",
    )
