"""The calls that a front knows: whose each is, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from gateway.errors import Forbidden, NotFound
from gateway.front.access import Caller
from gateway.front.door import group_of
from gateway.front.neighbours import Kept, Neighbours
from gateway.front.sharing import Board
from gateway.wire.calls import KeptCall, Order, SessionEvent, Unreadable

MAX_PC_IDS: Final = 8
"""By which a call is known: its client has not heard of the newest where an answer was lost."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a call is; it goes where the call lives, and comes back from there."""

    caller: Caller
    board: str | None
    who: Board


_EARLIEST: Final[Order] = (0.0, 0)
_OWNER: Final = TypeAdapter(Owner)


@dataclass(slots=True)
class Entry:
    """One call."""

    session_id: str
    pc_ids: list[str]
    device: str | None
    owner: Owner
    kept: Kept
    """Of its candidates."""
    live: bool = False
    described: dict[str, Any] = field(default_factory=dict)
    """As its media process describes it."""
    order: Order | None = None
    """Where several fronts take calls: none is of before its host's last start."""
    replaced: bool = False
    """Its device has a later one, and its host has been told to end it, or sleeps."""

    @property
    def caller(self) -> Caller:
        return self.owner.caller

    @property
    def group(self) -> str:
        """Whom its caller is counted with."""
        return group_of(self.caller.address)

    def follows(self, other: Entry) -> bool:
        """Whether it began after another one, at another front."""
        return self.order is not None and other.order is not None and self.order > other.order

    def note(self, pc_id: str) -> None:
        """Know it by this as well."""
        if pc_id not in self.pc_ids:
            self.pc_ids = [*self.pc_ids, pc_id][-MAX_PC_IDS:]

    def must_be_of(self, caller: Caller) -> None:
        """Raises Forbidden where it is another client's."""
        own = self.caller
        if own.name != caller.name or (own.name is None and own.address != caller.address):
            raise Forbidden("this session is another client's", remedy="make an offer without pc_id")


class Calls:
    """All of them, by their session's id.

    Args:
        neighbours: that a call's candidates are judged by.
    """

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours
        self._entries: dict[str, Entry] = {}

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def get(self, session_id: str) -> Entry | None:
        return self._entries.get(session_id)

    def add(self, entry: Entry) -> None:
        self._entries[entry.session_id] = entry

    def adopt(self, call: KeptCall) -> None:
        """Know a call that began before this process did, or at another front; or its newest connection.

        Raises:
            Unreadable: its owner, in the words of a front of another version. NoRoute: its address is none.
        """
        if (known := self._entries.get(call.session_id)) is not None:
            known.note(call.pc_id)
            return
        try:
            owner = _OWNER.validate_python(call.owner)
        except ValidationError:
            raise Unreadable(f"whose call {call.session_id} is can't be read here") from None
        group_of(owner.caller.address)
        self.add(
            Entry(
                call.session_id,
                [call.pc_id],
                call.device,
                owner,
                Kept(self._neighbours, owner.caller.address),
                live=call.described.get("state") in {"live", "away"},
                described=call.described,
                order=call.order,
            )
        )

    def take(self, event: SessionEvent) -> None:
        """Note that a call is live, and forget one that has ended."""
        if event.kind == "session" and (entry := self._entries.get(event.session_id)) is not None:
            entry.live = entry.live or event.data.get("state") == "live"
            entry.described = event.data
        if event.kind == "ended":
            self._entries.pop(event.session_id, None)

    def known_by(self, pc_id: str) -> Entry | None:
        return next((e for e in self if pc_id in e.pc_ids), None)

    def of(self, device: str | None) -> list[Entry]:
        """A device's; there is more than one for a moment, or while a host sleeps."""
        return [e for e in self if e.device is not None and e.device == device]

    def current(self, device: str) -> Entry | None:
        """The one that a device is in."""
        return next((e for e in reversed(self.of(device)) if not e.replaced), None)

    def with_device(self, device: str) -> Entry:
        """Raises NotFound where it is in no call."""
        if (found := self.current(device)) is None:
            raise NotFound(f"{device} is in no call", remedy="see who is: voicegw devices")
        return found

    def outdone(self, device: str | None) -> list[str]:
        """Of a device's calls that came to several fronts, or were out of sight, all but the last one."""
        ordered = sorted((e.order or _EARLIEST, e.session_id) for e in self.of(device))
        return (
            [session_id for _, session_id in ordered[:-1]] if ordered and ordered[-1][0] > _EARLIEST else []
        )
