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


def local_address(arrived_on: str, candidates: Iterable[Candidate], remote: str = "127.0.0.1") -> str:
    """The local address for the media of a call.

    It is the one that the offer arrived on. An offer that came over IPv6 from a client with IPv4 candidates
    gets the IPv4 address that routes to one of them, because small devices speak media over IPv4 only. One that a
    proxy on this machine passed on gets the address that routes to the client, which has no use for loopback. A
    link-local one keeps its zone (`fe80::1%eth0`), without which nothing can be sent from it (RFC 4007, section 6).

    Args:
        arrived_on: the HTTP connection's own local address.
        candidates: the offer's.
        remote: the client's address, as far as it is known.

    Raises:
        NoRoute: `arrived_on` is no address.
    """
    arrived = unmapped(arrived_on)
    candidates = tuple(candidates)
    if arrived.is_loopback and (beyond := _beyond(candidates, remote)):
        return beyond
    if arrived.version == 6:
        for candidate in candidates:
            routed = _route_to(candidate.address)
            if routed is not None:
                return routed
    return (
        f"{arrived}%{zone}"
        if arrived.is_link_local and (zone := arrived_on.partition("%")[2])
        else str(arrived)
    )


def own_address(candidates: Iterable[Candidate], remote: str) -> str:
    """The local address for a call whose offer another machine took: the one that leads to the client.

    Raises:
        NoRoute: none does.
    """
    candidates = tuple(candidates)
    found = _beyond(candidates, remote)
    if found is None and unmapped(remote).is_loopback:
        found = str(unmapped(remote))
    if found is None and unmapped(remote).version == 6:
        found = _route_to_v6(str(unmapped(remote)))
    if found is None:
        raise NoRoute(f"no address of this host leads to {remote}", remedy="look at the host's routes")
    return found


def _beyond(candidates: Iterable[Candidate], remote: str) -> str | None:
    """The IPv4 address that leads to a client elsewhere; `None` for one that can be reached on loopback."""
    told = [candidate.address for candidate in candidates if candidate.transport == "udp"]
    caller, *known = (_address(text) for text in (remote, *told))
    if caller is not None and caller.is_loopback and any(a is not None and a.is_loopback for a in known):
        return None
    routed = (_route_to(str(a)) for a in (caller, *known) if a is not None and not a.is_loopback)
    return next((r for r in routed if r is not None and not unmapped(r).is_loopback), None)


def _address(text: str) -> _Address | None:
    try:
        return unmapped(text)
    except NoRoute:
        return None  # an mDNS name


def _route_to_v6(address: str) -> str | None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, _DISCARD_PORT))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _route_to(address: str) -> str | None:
    """The source address that the kernel would use toward an IPv4 address; nothing is sent."""
    remote = _address(address)
    if remote is None or remote.version != 4 or remote.is_unspecified:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(remote), _DISCARD_PORT))
        except OSError:
            return None
        source: str = probe.getsockname()[0]
        return source
