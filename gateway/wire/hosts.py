"""What a host says of itself and its calls."""

from __future__ import annotations

from gateway.wire.calls import KeptCall, Wire
from gateway.wire.headroom import Headroom


class HostState(Wire):
    """What a host says twice a second."""

    version: str
    headroom: Headroom
    ended: bool = False
    """It says goodbye: its calls are over."""


class Held(Wire):
    """A call as its host tells of it, when it begins and when its client has a new connection."""

    call: KeptCall


class AllHeld(Wire):
    """All calls of a host."""

    calls: list[KeptCall]
