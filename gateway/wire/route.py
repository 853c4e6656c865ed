"""Which of this machine's addresses a client reaches us by."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from gateway.errors import NoRoute
from gateway.wire.sdp import Candidate

_DISCARD_PORT = 9
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def unmapped(text: str) -> _Address:
    """Read an address; IPv4 that an IPv6 listener took is IPv4 again.

    Raises:
        NoRoute: not an address.
    """
    try:
        address = ipaddress.ip_address(text.split("%", maxsplit=1)[0])
    except ValueError:
        raise NoRoute(f"{text!r} is not an IP address") from None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def local_address(arrived_on: str, candidates: Iterable[Candidate]) -> str:
    """The local address for the media of a call.

    It is the one that the offer arrived on. An offer that came over IPv6 from a client with IPv4 candidates
    gets the IPv4 address that routes to one of them, because small devices speak media over IPv4 only.

    Args:
        arrived_on: the HTTP connection's own local address.
        candidates: the offer's.

    Raises:
        NoRoute: `arrived_on` is no address.
    """
    arrived = unmapped(arrived_on)
    if arrived.version == 6:
        for candidate in candidates:
            routed = _route_to(candidate.address)
            if routed is not None:
                return routed
    return str(arrived)


def _route_to(address: str) -> str | None:
    """The source address that the kernel would use toward an IPv4 address; nothing is sent."""
    try:
        remote = ipaddress.ip_address(address)
    except ValueError:
        return None  # an mDNS name
    if remote.version != 4 or remote.is_unspecified:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, _DISCARD_PORT))
        except OSError:
            return None
        source: str = probe.getsockname()[0]
        return source
