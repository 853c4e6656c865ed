"""A key that stays on its device: a nonce, what proves the key for one offer, and what proves it for the answer.

Pure but for the clock and randomness (docs/protocol.md, the key stays).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import BadOffer, Unauthorized

NONCE_SECONDS: Final = 60.0
"""A chip's handshake and offer take seconds at most; a network that loses packets some more."""
TICKET_SECONDS: Final = 900.0
"""For an update to begin: a device that is asked while it signals comes back to it."""
_MAX_SPENT: Final = 4_096
_SCHEME: Final = re.compile(r"(?i)voicegw +nonce=([\w.-]{1,96}), *proof=([0-9a-f]{64})")
_FINGERPRINT: Final = re.compile(r"^a=fingerprint:(\S+) ([!-~]*)", re.MULTILINE)
_AGAIN: Final = "ask for a nonce at /api/challenge, and use it once"


@dataclass(frozen=True, slots=True)
class Offered:
    """What an offer proves its key with."""

    nonce: str
    proof: str
    fingerprint: str
    """Of the certificate that the offer's sections name."""

    def text(self, identity: str) -> bytes:
        """What is proven: that this certificate calls this gateway, now."""
        return f"voicegw offer\n{self.nonce}\n{identity}\n{self.fingerprint}".encode()


@dataclass(frozen=True, slots=True)
class Proven:
    """An offer whose key was proven."""

    offered: Offered
    identity: str
    digest: bytes = field(repr=False)

    def of_answer(self, sdp: str) -> str:
        """What shows the device that its gateway has the key, and made this answer."""
        about = self.offered
        text = f"voicegw answer\n{about.nonce}\n{self.identity}\n{about.fingerprint}\n{fingerprint(sdp)}"
        return prove(self.digest, text.encode())


def digest_of(key: str) -> bytes:
    """What both sides know of a key; all that the gateway keeps of it."""
    return hashlib.sha256(key.encode()).digest()


def prove(digest: bytes, text: bytes) -> str:
    """HMAC-SHA256 (RFC 2104), in hex."""
    return hmac.new(digest, text, "sha256").hexdigest()


def fingerprint(sdp: str) -> str:
    """The one certificate that a description names, upper case.

    Raises:
        BadOffer: it names none, or several.
    """
    found = {(kind.lower(), value.upper()) for kind, value in _FINGERPRINT.findall(sdp)}
    if len(found) != 1 or (only := found.pop())[0] != "sha-256" or not only[1]:
        raise BadOffer("an offer with a proof has one sha-256 fingerprint", remedy="name one certificate")
    return str(only[1])


def read(authorization: str, sdp: str) -> Offered | None:
    """The proof that a request brings; `None` where it brings something else.

    Raises:
        Unauthorized: it is malformed. BadOffer: its description names no certificate.
    """
    if not authorization.lower().startswith("voicegw "):
        return None
    found = _SCHEME.fullmatch(authorization.strip())
    if found is None:
        raise Unauthorized("the Authorization header is not `Voicegw nonce=…, proof=…`", remedy=_AGAIN)
    return Offered(found[1], found[2], fingerprint(sdp))


class Challenges:
    """Nonces that are good once, and tickets for one path: nothing is kept of those that nobody uses.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._spent: OrderedDict[str, float] = OrderedDict()

    def nonce(self) -> str:
        """One more."""
        return self._stamped("nonce", secrets.token_hex(12), NONCE_SECONDS)

    def check(self, nonce: str) -> None:
        """Raises Unauthorized for one that is not of ours, too old, or was used."""
        if not self._is_good("nonce", nonce) or nonce in self._spent:
            raise Unauthorized("this nonce is none of ours, too old, or was used", remedy=_AGAIN)

    def spend(self, nonce: str) -> None:
        """Whoever used it has a key; raises as `check`."""
        self.check(nonce)
        while self._spent and (len(self._spent) >= _MAX_SPENT or min(self._spent.values()) < self._clock()):
            self._spent.popitem(last=False)
        self._spent[nonce] = self._clock() + NONCE_SECONDS

    async def use(self, nonce: str) -> None:
        """Spend it wherever it might be good."""
        self.spend(nonce)

    def ticket(self, path: str) -> str:
        """What lets a device that was told of it fetch this path, with no key."""
        return self._stamped(f"ticket {path}", "", TICKET_SECONDS)

    def is_ticket(self, path: str, ticket: str) -> bool:
        """Whether it is one for this path, and good still."""
        return self._is_good(f"ticket {path}", ticket)

    def _stamped(self, what: str, unique: str, seconds: float) -> str:
        stamp = f"{int(self._clock() + seconds):x}.{unique}"
        return f"{stamp}.{prove(self._secret, f'{what} {stamp}'.encode())[:32]}"

    def _is_good(self, what: str, stamped: str) -> bool:
        stamp, _, mark = stamped.rpartition(".")
        if not hmac.compare_digest(
            mark.encode(), prove(self._secret, f"{what} {stamp}".encode())[:32].encode()
        ):
            return False
        return int(stamp.partition(".")[0], 16) >= self._clock()
