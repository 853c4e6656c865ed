"""Who is asking, and how often they may."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.errors import Forbidden, RateLimited, Unauthorized
from gateway.front.registry import Registry, Role
from gateway.rate import Buckets
from gateway.wire.route import unmapped

_REMEDY: Final = "send `Authorization: Bearer KEY`; make a key with: voicegw devices add NAME"
_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Caller:
    """The other end of a request. `name` and `key_id` are those of its key, or `None` where it needed none."""

    address: str
    name: str | None
    role: Role
    key_id: str | None = None

    def must_be_operator(self) -> None:
        """Raises Forbidden where the key is a device's."""
        if self.role is not Role.OPERATOR:
            raise Forbidden("a device's key is for talking", remedy="use one made with --role operator")


def check_origin(origin: str | None, host: str | None, *, remote: str) -> None:
    """Keep pages of other sites from speaking in the user's name.

    A browser sends `Origin` with whatever a page posts; it must be the gateway's own page. And what comes over
    loopback must name this machine in `Host`, or a name under a stranger's control could point here.

    Raises:
        Forbidden: either is wrong.
    """
    if origin is not None and origin.split("://", 1)[-1] != host:
        raise Forbidden(f"pages of {origin} may not use this gateway", remedy="open the gateway's own page")
    if unmapped(remote).is_loopback and _name_of(host) not in _LOCAL_NAMES:
        raise Forbidden(f"over loopback the gateway is not called {host}", remedy="open http://localhost")


def _name_of(host: str | None) -> str:
    name = (host or "").lower()
    if name.startswith("["):
        return name[: name.find("]") + 1]
    name = name.rsplit(":", 1)[0]
    try:
        return "127.0.0.1" if ipaddress.ip_address(name).is_loopback else name
    except ValueError:
        return name


async def identify(
    registry: Registry, *, remote: str, authorization: str | None, lan_is_open: bool, forwarded: bool = False
) -> Caller:
    """Find out who is asking.

    Loopback is trusted and needs no key, unless a proxy there speaks for someone else (`forwarded`). A key that
    is given counts anywhere, and a wrong one is refused anywhere.

    Raises:
        Unauthorized: no key where one is needed, or one that is unknown or revoked.
    """
    address = unmapped(remote)
    if authorization is not None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Unauthorized("the Authorization header is not `Bearer KEY`", remedy=_REMEDY)
        device = await registry.authenticate(key.strip())
        return Caller(str(address), device.name, device.role, device.id)
    if address.is_loopback and not forwarded:
        return Caller(str(address), None, Role.OPERATOR)
    if lan_is_open:
        return Caller(str(address), None, Role.DEVICE)
    raise Unauthorized("a client on the LAN needs a key", remedy=_REMEDY)


class RateLimit:
    """What an address may ask for: a burst of a quarter of the rate, then the rate.

    Args:
        per_minute: requests a minute from one address.
        clock: seconds, monotonic.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets = Buckets(max(1.0, per_minute / 4), per_minute / 60, clock)

    def take(self, address: str) -> None:
        """Take one request of this address.

        Raises:
            RateLimited: there is none left now.
        """
        if wait := self._buckets.take(address):
            raise RateLimited(f"too many requests from {address}", remedy=f"wait {wait:.1f} s")
