"""Whom to trust over https: who the system vouches for, or the one whose public key we were told the SHA-256 of."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

from ground import operator
from ground.trouble import Trouble, reason


class NoAnswer(Trouble):
    """Nobody listens there, or nobody knows where that is."""


PIN: Final = re.compile(r"[0-9a-f]{64}")
_SECONDS: Final = 5.0
_SEQUENCE, _VERSION = 0x30, 0xA0
_BEFORE_THE_KEY: Final = 5  # serialNumber, signature, issuer, validity, subject
_COMPARE: Final = (
    "compare it with what `voicegw identity` says on that machine, and if it is the same give --identity"
)


def pin(written: str) -> str:
    """An identity as people give it: 64 hex digits, colons and spaces between them or none.

    Raises:
        Trouble: it is none.
    """
    found = re.sub(r"[\s:]", "", written).lower()
    if not PIN.fullmatch(found):
        raise Trouble(
            f"{written[:80]!r} is no identity of a gateway",
            remedy="give the 64 digits that `voicegw identity` says",
        )
    return found


def pin_of(certificate: bytes) -> str:
    """The SHA-256 of a certificate's public key, in hex: SubjectPublicKeyInfo, as RFC 5280 section 4.1 has it.

    Args:
        certificate: DER.

    Raises:
        ValueError: it is none.
    """
    kind, inside, _ = _element(certificate, 0)
    _, fields, _ = _element(certificate, inside)
    at = fields
    if kind != _SEQUENCE:
        raise ValueError("no certificate")
    if certificate[at] == _VERSION:
        _, _, at = _element(certificate, at)
    for _ in range(_BEFORE_THE_KEY):
        _, _, at = _element(certificate, at)
    kind, _, end = _element(certificate, at)
    if kind != _SEQUENCE:
        raise ValueError("no certificate")
    return hashlib.sha256(certificate[at:end]).hexdigest()


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """An element's tag, where its content begins, and where it ends (X.690, section 8.1)."""
    if at + 2 > len(der):
        raise ValueError("cut short")
    size, begin = der[at + 1], at + 2
    if size & 0x80:
        digits = size & 0x7F
        size, begin = int.from_bytes(der[begin : begin + digits], "big"), begin + digits
    if begin + size > len(der):
        raise ValueError("cut short")
    return der[at], begin, begin + size


def shown_at(url: str) -> tuple[str, str]:
    """The identity that a server shows at a URL, and its certificate in PEM; nothing of it is checked.

    Raises:
        NoAnswer: nobody is there. Trouble: who is there speaks no TLS.
    """
    parts = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        plain = socket.create_connection((parts.hostname or "", parts.port or 443), _SECONDS)
    except OSError as error:
        raise NoAnswer(
            f"no gateway answers at {url}: {reason(error)}", remedy="look at the address and the port"
        ) from None
    try:
        # by no name: a gateway shows its identity to who asks for none
        with plain, context.wrap_socket(plain) as secure:
            der = secure.getpeercert(binary_form=True) or b""
        return pin_of(der), ssl.DER_cert_to_PEM_cert(der)
    except (OSError, ValueError) as error:
        raise Trouble(
            f"{url} does not speak TLS: {error}", remedy="look at the address and the port"
        ) from None


def speaks_tls(url: str) -> bool:
    """Whether who is at an https URL speaks TLS; raises NoAnswer where nobody is."""
    try:
        shown_at(url)
    except NoAnswer:
        raise
    except Trouble:
        return False
    return True


def must_be_private(url: str) -> None:
    """Raises Trouble where a key that is sent to a URL could be read by others: plain http leaves this machine."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not operator.is_here(parts.hostname or ""):
        raise Trouble(
            f"no key is sent to {url}: everyone on the way could read it",
            remedy=f"give it as {url.replace('http:', 'https:', 1)}, which a gateway speaks on the same port",
        )


def vouched_for(url: str) -> bool:
    """Whether the system's own authorities vouch for who is there, under the name that the URL has."""
    parts = urlsplit(url)
    try:
        with (
            socket.create_connection((parts.hostname or "", parts.port or 443), _SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname),
        ):
            return True
    except (OSError, ValueError):
        return False


def trust(url: str, identity: str | None) -> ssl.SSLContext:
    """Whom a client of ours is to trust at an https URL.

    Args:
        url: of the gateway.
        identity: the one that we were told of, if we were.

    Raises:
        Trouble: nobody vouches for who is there, and it is not the identity that was given.
    """
    if identity is None and vouched_for(url):
        return ssl.create_default_context()
    found, pem = shown_at(url)
    if identity is None:
        raise Trouble(
            f"nobody vouches for {url}, which shows the identity {found}", remedy=f"{_COMPARE} {found}"
        )
    if found != identity:
        raise Trouble(
            f"{url} shows another identity than was given: {found}",
            remedy="it is another gateway, or someone is in between; see `voicegw identity` on the gateway's machine",
        )
    context = ssl.create_default_context(cadata=pem)
    context.check_hostname = False  # the key is what is known, not a name
    return context
