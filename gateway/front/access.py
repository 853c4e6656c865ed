"""Who is asking, and how often they may."""

from __future__ import annotations

import hmac
import ipaddress
import socket
import time
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import ConfigError, Forbidden, RateLimited, TlsRequired, Unauthorized
from gateway.front.challenge import Challenges, Offered, Proven
from gateway.front.challenge import prove as make_proof
from gateway.front.operators import Operators
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
        raise Forbidden(
            f"pages of {origin} may not use this gateway",
            remedy="open the gateway's own page, or let that one talk: add it to the setting allowed_origins",
        )
    if site not in {None, "same-origin", "none"}:
        raise Forbidden("pages of other sites may not use this gateway", remedy="open the gateway's own page")


def _name_of(host: str | None) -> str:
    name = (host or "").lower()
    if name.startswith("["):
        return name[: name.find("]") + 1]
    return name.rsplit(":", 1)[0].rstrip(".")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says of who sent it.

    `page` is what a browser keeps that came by an operator's link. `is_own` is whether it comes from a program of our
    own account on this machine, with no proxy's mark on it.
    """

    remote: str
    authorization: str | None = None
    page: str | None = None
    is_own: bool = False


async def identify(registry: Registry, operators: Operators, asked: Asked, *, lan_is_open: bool) -> Caller:
    """Find out who is asking.

    This machine is no credential: a proxy here speaks for anyone. What makes an operator is a secret that the gateway's
    own account can read, a page that came by a link made with it, or an operator's key. Programs of that account may
    talk without a key. A key that is given counts anywhere, and a wrong one is refused anywhere.

    Raises:
        Unauthorized: no key where one is needed, or one that is unknown or revoked.
    """
    address = str(unmapped(asked.remote))
    if asked.authorization is not None:
        scheme, _, key = asked.authorization.partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Unauthorized("the Authorization header is not `Bearer KEY`", remedy=_REMEDY)
        if operators.is_secret(key.strip()):
            return Caller(address, None, Role.OPERATOR)
        device = await registry.authenticate(key.strip())
        return Caller(address, device.name, device.role, device.id)
    if asked.page is not None and operators.is_page(asked.page):
        return Caller(address, None, Role.OPERATOR)
    if asked.is_own or lan_is_open:
        return Caller(address, None, Role.DEVICE)
    raise Unauthorized("a client needs a key", remedy=_REMEDY)


async def prove(  # noqa: PLR0913 -- the gateway, and what it was asked
    registry: Registry,
    operators: Operators,
    challenges: Challenges,
    offered: Offered,
    *,
    remote: str,
    identities: Iterable[str],
) -> Caller:
    """Find out who is asking, by an offer that proves its key.

    Args:
        registry: of devices.
        operators: whose secret is a key as well.
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

    name, role, key_id, digest = None, Role.OPERATOR, None, operators.digest
    if identity_of(digest) is None:
        device, digest = await registry.proving(lambda digest: identity_of(digest) is not None)
        name, role, key_id = device.name, device.role, device.id
    await challenges.use(offered.nonce)
    return Caller(
        str(unmapped(remote)), name, role, key_id, Proven(offered, identity_of(digest) or "", digest)
    )


class Proxies:
    """Whose word on where a request comes from counts.

    Args:
        trusted: addresses and networks.

    Raises:
        ConfigError: one is neither.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        try:
            self._networks = [ipaddress.ip_network(text, strict=False) for text in trusted]
        except ValueError as error:
            raise ConfigError(
                f"setting trusted_proxies: {error}",
                remedy='give addresses, as in ["127.0.0.1", "10.0.0.0/8"]',
            ) from None

    def includes(self, address: str) -> bool:
        """Whether this is one of them."""
        found = unmapped(address)
        return any(found in network for network in self._networks)


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
