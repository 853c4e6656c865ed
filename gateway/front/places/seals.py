"""What fronts know again of a call that a host has: sealed with a secret that they share, and that no host is told."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.wire.calls import KeptCall, OfferCall, Order, dump


@dataclass(frozen=True, slots=True)
class Opened:
    """A call as it may be believed."""

    call: KeptCall
    placed: bool
    """Whether a front gave it to this very host; else it was offered it, at most."""


class Seals:
    """Made and looked at.

    Args:
        mark: HMAC of a text, under the fronts' secret; `None` while that is not known.
    """

    def __init__(self, mark: Callable[[str], str | None]) -> None:
        self._mark = mark

    @property
    def ready(self) -> bool:
        """Whether the secret is known."""
        return self._mark("") is not None

    def of_call(self, call: OfferCall | KeptCall) -> str:
        """Which call it is, and whose."""
        return self._of("call", [call.session_id, call.device, dump(call)["owner"]])

    def of_place(self, session_id: str, host: str, order: Order | None) -> str:
        """That this host, by its name, has been given the call, and which one it is of all."""
        return self._of("place", [session_id, host, order])

    def opened(self, call: KeptCall, host: str) -> Opened | None:
        """What a host tells, as far as it is sealed; `None` where the seal is another call's.

        A host of an earlier version brings none back, or not that of its place: its call is shown, and is no device's.
        """
        if call.seal and not _same(call.seal, self.of_call(call)):
            return None
        placed = bool(call.seal) and _same(call.placed, self.of_place(call.session_id, host, call.order))
        believed = {} if placed else {"device": None, "order": None}
        return Opened(call.model_copy(update=believed), placed)

    def _of(self, what: str, parts: list[Any]) -> str:
        return self._mark(f"{what} {json.dumps(parts, sort_keys=True)}") or ""


def _same(told: str, ours: str) -> bool:
    return bool(ours) and hmac.compare_digest(told.encode(), ours.encode())
