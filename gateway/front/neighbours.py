"""Whom the gateway sends to for a caller: the caller, and its own LANs; so that it neither floods nor scans others."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import ifaddr

from gateway.errors import NoRoute
from gateway.wire.route import unmapped
from gateway.wire.sdp import Candidate, parse_candidate

MOST: Final = 16
"""Candidates of a call: a machine with a cable, Wi-Fi and a VPN has six. Each is sent a few checks (RFC 8445, 14.3)."""
MOST_NAMES: Final = 4
"""Of those, mDNS names: each is asked of the whole LAN (draft-ietf-mmusic-mdns-ice-candidates)."""
_LOOK_SECONDS: Final = 5.0
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Interfaces:
    """This machine's own addresses, and the networks that they lie on."""

    addresses: frozenset[_Address]
    networks: frozenset[_Network]


def interfaces() -> Interfaces:
    """As they are now."""
    found = [
        ipaddress.ip_interface(f"{ip.ip if isinstance(ip.ip, str) else ip.ip[0]}/{ip.network_prefix}")
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    ]
    return Interfaces(frozenset(i.ip for i in found), frozenset(i.network for i in found))


class Neighbours:
    """Judges candidates.

    Args:
        look: gives this machine's interfaces.
        clock: seconds, monotonic.
    """

    def __init__(
        self, look: Callable[[], Interfaces] = interfaces, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look, self._clock = look, clock
        self.relays: frozenset[_Address] = frozenset()
        """Our TURN servers, by which a client may be reached."""
        self._known, self._looked = look(), clock()

    def may_reach(self, candidate: Candidate, caller: str) -> bool:
        """Whether a caller may have us send to this: to itself, or to someone on a LAN of ours."""
        if candidate.transport != "udp":
            return False
        try:
            if candidate.type == "relay" and unmapped(candidate.address) in self.relays:
                return True
            return is_name(candidate) or self._may_reach(unmapped(candidate.address), unmapped(caller))
        except NoRoute:
            return False

    def _may_reach(self, there: _Address, caller: _Address) -> bool:
        if there.is_multicast or there.is_unspecified or there.is_reserved:
            return False
        known = self._interfaces()
        if there.is_loopback or there in known.addresses:
            return there == caller or caller.is_loopback or caller in known.addresses
        return there == caller or any(
            there in network and there not in {network.network_address, network.broadcast_address}
            for network in known.networks
            if network.version == there.version
        )

    def _interfaces(self) -> Interfaces:
        if self._clock() - self._looked > _LOOK_SECONDS:
            self._known, self._looked = self._look(), self._clock()
        return self._known


class Kept:
    """The candidates of one call so far."""

    def __init__(self, neighbours: Neighbours, caller: str) -> None:
        self._neighbours, self._caller = neighbours, caller
        self._seen: set[tuple[str, int]] = set()
        self._names = 0

    def takes(self, value: str) -> bool:
        """Whether this one is passed on, with `candidate:` before it or without."""
        candidate = parse_candidate(value.removeprefix("a=").removeprefix("candidate:"))
        if candidate is None or not self._neighbours.may_reach(candidate, self._caller):
            return False
        where = (candidate.address, candidate.port)
        if where in self._seen:
            return True  # of another section, of the same transport
        if len(self._seen) >= MOST or (is_name(candidate) and self._names >= MOST_NAMES):
            return False
        self._seen.add(where)
        self._names += is_name(candidate)
        return True

    def only(self, text: str) -> str:
        """A description with those of its candidates that are passed on."""
        lines = text.splitlines(keepends=True)
        return "".join(x for x in lines if not x.startswith("a=candidate:") or self.takes(x.strip()))


def is_name(candidate: Candidate) -> bool:
    """Whether it hides its address behind a name that mDNS knows."""
    return candidate.address.lower().endswith(".local")
