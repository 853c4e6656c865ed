"""Gateways on the LAN, as mDNS sees them: announced by the rig, so that there can be none, one or two."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping

from zeroconf import IPVersion, ServiceInfo, Zeroconf

from hil.backends import Reached

_KIND = "_voicegw._tcp.local."


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


def _service(identity: str, address: str, port: int, load: float) -> ServiceInfo:
    return ServiceInfo(
        _KIND,
        f"{identity}.{_KIND}",
        addresses=[socket.inet_aton(address)],
        port=port,
        properties={"v": "1", "id": identity, "path": "/api/offer", "tls": "0", "load": f"{load:.1f}"},
        server=f"{identity}.local.",
    )
