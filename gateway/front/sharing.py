"""Keys that several boards use: each board's call ends the other's, for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.recurring import Recurring

RETURNS: Final = 3
"""Replacements by a board that was itself replaced before, after which it is told. One board that roams, or restarts
with another address, replaces itself; where it says no id, it goes back to an address once, not again and again."""
WINDOW_SECONDS: Final = 180.0
"""A device that was replaced waits for 5 to 60 s (docs/protocol.md), then calls again."""
_MAX_BOARDS: Final = 8


@dataclass(frozen=True, slots=True)
class Board:
    """Who called with a key: what it says its id is, and from where."""

    id: str | None
    address: str

    def is_same(self, other: Board) -> bool:
        """Whether it is the same board, as far as it tells: an id is a chip's, an address anyone's."""
        return self.id == other.id if self.id and other.id else self.address == other.address

    def __str__(self) -> str:
        return f"{self.id} at {self.address}" if self.id else self.address


@dataclass(slots=True)
class _Struggle:
    trouble: Recurring
    at: float
    boards: list[Board] = field(default_factory=list)
    returns: int = 0
    named: str = ""


class SharedKeys:
    """Sees from the calls that replace each other which keys are shared, and says so in the log.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._struggles: dict[str, _Struggle] = {}

    def replaced(self, device: str, older: Board, newer: Board) -> None:
        """Note that a call with the key of this device has ended an older one."""
        self.tidy()
        if older.is_same(newer):
            return
        struggle = self._struggles.get(device)
        if struggle is None:
            trouble = Recurring(
                f"several boards use the key of {device}", and_now="give each its own", clock=self._clock
            )
            struggle = self._struggles[device] = _Struggle(trouble, self._clock())
        struggle.at = self._clock()
        struggle.returns += any(board.is_same(newer) for board in struggle.boards)
        others = [b for b in struggle.boards if not b.is_same(older) and not b.is_same(newer)]
        struggle.boards = [*others, older, newer][-_MAX_BOARDS:]
        if struggle.returns >= RETURNS:
            struggle.named = struggle.named or " and ".join(sorted(map(str, struggle.boards)))
            struggle.trouble.met(struggle.named)

    def tidy(self) -> None:
        """Forget what is over."""
        before = self._clock() - WINDOW_SECONDS
        for device in [name for name, s in self._struggles.items() if s.at < before]:
            self._struggles.pop(device).trouble.over()

    def now(self) -> dict[str, list[Board]]:
        """The boards that use the same key, by the device whose key it is."""
        self.tidy()
        return {name: s.boards for name, s in self._struggles.items() if s.returns >= RETURNS}
