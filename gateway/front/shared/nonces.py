"""Nonces and tickets that are good at every front, and a nonce once among all of them."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from typing import Final

from gateway.bus.connection import Bus
from gateway.bus.shelf import Entry, Shelf
from gateway.errors import Conflict, GatewayError, Unauthorized
from gateway.front.challenge import NONCE_SECONDS, Challenges, prove
from gateway.front.shared.clock import Clock

SECRETS: Final = "voicegw_secrets"
SPENT: Final = "voicegw_spent"
_KEY: Final = "nonces"
_SECRET: Final = re.compile("[0-9a-f]{64}")


class SharedChallenges(Challenges):
    """While NATS is away, a nonce is good at the front that gave it: nobody else can say whether it was used.

    Args:
        bus: to NATS.
        clock: of all fronts.
    """

    def __init__(self, bus: Bus, clock: Clock) -> None:
        super().__init__(clock.now)
        self._bus = bus
        self._front = secrets.token_hex(4)
        self._is_shared = False
        self._secrets = Shelf(bus, SECRETS, changed=self._heard, whole=self._told)
        self._used = Shelf(bus, SPENT, seconds=2 * NONCE_SECONDS, keys=None)

    def begin(self) -> None:
        self._secrets.begin()
        self._used.begin()

    async def close(self) -> None:
        await self._secrets.close()
        await self._used.close()

    def _heard(self, entry: Entry) -> None:
        if entry.key == _KEY and entry.body is not None:
            told = str(entry.body.get("secret"))
            if _SECRET.fullmatch(told):  # an empty one would be everybody's
                self._secret = bytes.fromhex(told)
                self._is_shared = True

    def mark(self, text: str) -> str | None:
        """HMAC of what fronts are to know again, at any of them; `None` until this one has met the others."""
        return prove(self._secret, f"mark {text}".encode()) if self._is_shared else None

    async def _told(self) -> None:
        """The first front makes the secret that all use."""
        if _KEY not in self._secrets.entries:
            with contextlib.suppress(Conflict):
                await self._secrets.create(_KEY, {"secret": self._secret.hex()})

    def nonce(self) -> str:
        """One more, which says whose it is."""
        return self._stamped("nonce", self._front + secrets.token_hex(8), NONCE_SECONDS)

    async def use(self, nonce: str) -> None:
        """Spend it at all fronts; raises Unauthorized where one has."""
        self.check(nonce)
        try:
            await self._used.create(hashlib.sha256(nonce.encode()).hexdigest(), {})
        except Conflict:
            raise Unauthorized(
                "this nonce was used", remedy="ask for a nonce at /api/challenge, and use it once"
            ) from None
        except GatewayError:
            if nonce.split(".")[1][: len(self._front)] != self._front:
                raise
        self.spend(nonce)
