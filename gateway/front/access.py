"""Who is asking, and how often they may."""

from __future__ import annotations

import hmac
import ipaddress
import socket
import time
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import Forbidden, RateLimited, TlsRequired, Unauthorized
from gateway.front.challenge import Challenges, Offered, Proven
from gateway.front.challenge import prove as make_proof
from gateway.front.registry import Registry, Role
from gateway.rate import Buckets
from gateway.settings import Settings
from gateway.wire.route import unmapped

_REMEDY: Final = "send `Authorization: Bearer KEY`; make a key with: voicegw devices add NAME"


@dataclass(frozen=True, slots=True)
class Caller:
    """The other end of a request. `name` and `key_id` are those of its key, or `None` where it needed none."""

    address: str
    name: str | None
    role: Role
    key_id: str | None = None
    proven: Proven | None = field(default=None, compare=False)
    """How it showed that it has its key, if it kept that to itself."""

    def must_be_operator(self) -> None:
        """Raises Forbidden where the key is a device's."""
        if self.role is not Role.OPERATOR:
            raise Forbidden("a device's key is for talking", remedy="use one made with --role operator")


def check_plain(scheme: str, *, remote: str, allowed: bool) -> None:
    """Keep words and keys off the LAN where everyone there could read them.

    Args:
        scheme: of the request, `http` or `https`.
        remote: where it comes from.
        allowed: whether the user lets clients speak plain http.

    Raises:
        TlsRequired: it must come over TLS.
    """
    if scheme == "http" and not allowed and not unmapped(remote).is_loopback:
        raise TlsRequired(
            "from another machine this gateway is spoken to over https",
            remedy="use https at the same port; for a client that cannot, set plain_http = true",
        )


def names_of(settings: Settings, instance_id: str) -> frozenset[str]:
    """What the gateway is called in a URL, beside its addresses."""
    host = socket.gethostname().lower()
    own = {"localhost", host, f"{host.partition('.')[0]}.local", f"voicegw-{instance_id}.local"}
    return frozenset(own | {name.lower() for name in settings.names})


def check_host(host: str | None, names: Container[str]) -> None:
    """Keep a stranger's name from leading here (DNS rebinding): a page under it would be of the same origin as ours.

    An address is nobody's name, so whichever it is, the browser was told to go to it.

    Raises:
        Forbidden: the name is none of ours.
    """
    name = _name_of(host)
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        if name not in names:
            raise Forbidden(
                f"this gateway is not called {host}",
                remedy="open it by its address; if it has that name, add it to the setting names",
            ) from None


def check_origin(origin: str | None, host: str | None, site: str | None = None) -> None:
    """Keep pages of other sites from speaking in the user's name.

    A browser sends `Origin` with whatever a page posts, and `Sec-Fetch-Site` with all: both must be our own page's.

    Raises:
        Forbidden: one of them is another's.
    """
    if origin is not None and origin.split("://", 1)[-1] != host:
        raise Forbidden(f"pages of {origin} may not use this gateway", remedy="open the gateway's own page")
    if site not in {None, "same-origin", "none"}:
        raise Forbidden("pages of other sites may not use this gateway", remedy="open the gateway's own page")


def _name_of(host: str | None) -> str:
    name = (host or "").lower()
    if name.startswith("["):
        return name[: name.find("]") + 1]
    return name.rsplit(":", 1)[0].rstrip(".")


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


async def prove(
    registry: Registry, challenges: Challenges, offered: Offered, *, remote: str, identities: Iterable[str]
) -> Caller:
    """Find out who is asking, by an offer that proves its key.

    Args:
        registry: of devices.
        challenges: that the nonce is of.
        offered: what it brought.
        remote: the other end's address.
        identities: what of this gateway it can have met there.

    Raises:
        Unauthorized: it proves no key, or with a nonce that is not good.
    """
    challenges.check(offered.nonce)
    met = tuple(identities)

    def identity_of(digest: bytes) -> str | None:
        proofs = ((i, make_proof(digest, offered.text(i))) for i in met)
        return next((i for i, proof in proofs if hmac.compare_digest(proof, offered.proof)), None)

    device, digest = await registry.proving(lambda digest: identity_of(digest) is not None)
    challenges.spend(offered.nonce)
    proven = Proven(offered, identity_of(digest) or "", digest)
    return Caller(str(unmapped(remote)), device.name, device.role, device.id, proven)


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
