"""What a host says of itself and its calls."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.wire.calls import KeptCall, Wire
from gateway.wire.headroom import Headroom


class HostState(Wire):
    """What a host says twice a second."""

    version: Annotated[str, Field(max_length=64)]
    headroom: Headroom
    ended: bool = False
    """It says goodbye: its calls are over."""


class Held(Wire):
    """A call as its host tells of it, when it begins and when its client has a new connection."""

    call: KeptCall


class AskHeld(Wire):
    """What a host is asked for all its calls, as many at a time as a message holds; it was asked `{}` before."""

    after: str | None = None
    """The last one that it has told of, by their ids; empty at first. `None`: all at once."""


class AllHeld(Wire):
    """All calls of a host, or the next of them by their ids."""

    calls: list[KeptCall]
    more: bool = False
    """Whether there are others after these."""
