"""Where calls can live, for those who need not know where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from gateway.errors import NotFound
from gateway.wire.calls import (
    Answer,
    Asked,
    EndCall,
    KeptCall,
    LineMessage,
    OfferCall,
    PhoneCall,
    RenegotiateCall,
    SessionEvent,
)

Emit = Callable[[int, SessionEvent], None]


class Lost(NotFound):
    """A call whose place is gone, and it with that: its client is to have a new one."""


class Place(Protocol):
    """Where calls can live: this process, a media process, another machine."""

    async def offer(self, call: OfferCall) -> Answer: ...
    async def phone(self, call: PhoneCall) -> None: ...
    def heard(self, message: LineMessage) -> None: ...
    async def renegotiate(self, call: RenegotiateCall) -> Answer: ...
    async def ask(self, call: Asked) -> None: ...
    async def end(self, call: EndCall) -> None: ...


class Places(Place, Protocol):
    """All places as one, started and stopped: media processes of this machine, or other machines."""

    @property
    def count(self) -> int:
        """Sessions that are there or being made."""

    @property
    def load(self) -> float:
        """The fraction of what can be carried that is in use."""

    def __contains__(self, session_id: str) -> bool: ...

    def state(self) -> list[dict[str, Any]]:
        """Of each, what a person who looks after it wants to see."""

    async def start(self) -> None: ...
    async def adopt(self) -> list[KeptCall]: ...
    async def settled(self) -> None:
        """Wait until it is known of every call that has been answered anywhere."""

    async def stop(self) -> None: ...
