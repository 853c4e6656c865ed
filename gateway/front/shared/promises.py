"""Promises that several fronts keep: each knows all of them, and one of them says what is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from pydantic import ValidationError

from gateway.bus.connection import Bus
from gateway.bus.shelf import Entry, Shelf
from gateway.errors import Conflict, GatewayError
from gateway.front.promise_book import Book
from gateway.front.shared.clock import Clock
from gateway.wire.promises import Moment, Promise, Wish, promise

SHELF: Final = "voicegw_promises"
CLAIMS: Final = "voicegw_saying"
CLAIM_SECONDS: Final = 15.0
"""After which what a front was saying, which has died, is another's to say."""
_NUMBER: Final = "number"


class SharedBook(Book):
    """The book of all fronts.

    Args:
        bus: to NATS.
        clock: of all fronts.
    """

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._clock = clock
        self._shelf = Shelf(bus, SHELF, changed=self._heard)
        self._claims = Shelf(bus, CLAIMS, seconds=CLAIM_SECONDS)
        self._kept: dict[int, Promise] = {}
        self._mine: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self.changed: Callable[[int, Promise | None], None] = lambda _number, _promise: None

    def begin(self) -> None:
        self._shelf.begin()
        self._claims.begin()
        self._task = asyncio.create_task(self._hold(), name="claims")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._shelf.close()
        await self._claims.close()

    def now(self) -> Moment:
        """By NATS's clock: the machines' own may be apart."""
        return Moment(self._clock.now(), "", time.monotonic())

    # -- as `PromiseBook`

    async def all(self) -> list[Promise]:
        return [self._kept[number] for number in sorted(self._kept)]

    async def holds(self, number: int) -> bool:
        return number in self._kept

    async def add(self, device: str, wish: Wish, now: Moment) -> Promise:
        number = await self._shelf.put(_NUMBER, {})
        made = promise(number, device, wish, now)
        await self._shelf.create(str(number), _row(made))
        self._kept[number] = made
        return made

    async def miss(self, number: int) -> None:
        if (kept := self._kept.get(number)) is not None:
            await self._shelf.put(str(number), {**_row(kept), "missed": True})

    async def remove(self, number: int) -> None:
        await self._shelf.remove(str(number))
        self._kept.pop(number, None)
        await self.release(number)

    async def remove_of(self, device: str) -> None:
        """All of a device, whose key was revoked."""
        for kept in [k for k in self._kept.values() if k.device == device]:
            await self.remove(kept.number)

    async def claim(self, number: int, session_id: str) -> bool:
        """Whether it is ours to say; for as long as this front lives."""
        if number in self._mine:
            return True
        try:
            await self._claims.create(str(number), {"session": session_id})
        except Conflict:
            return False
        self._mine.add(number)
        if await self._shelf.get(str(number)) is not None:
            return True
        await self.release(number)  # who said it before has only just taken it away
        return False

    async def release(self, number: int) -> None:
        if number in self._mine:
            self._mine.discard(number)
            await self._claims.remove(str(number))

    def said_by_others(self) -> dict[int, str]:
        """What other fronts are saying, by number: in which session."""
        since = self._clock.now() - CLAIM_SECONDS
        return {
            int(entry.key): str(entry.body["session"])
            for entry in self._claims.entries.values()
            if entry.body is not None and entry.at > since and int(entry.key) not in self._mine
        }

    async def _hold(self) -> None:
        while True:
            await asyncio.sleep(CLAIM_SECONDS / 3)
            for number in tuple(self._mine):
                if (claim := self._claims.entries.get(str(number))) is None or claim.body is None:
                    continue
                try:
                    await self._claims.update(str(number), claim.body, claim.revision)
                except GatewayError:
                    continue  # NATS is away; it is another's where that takes long

    def _heard(self, entry: Entry) -> None:
        if entry.key == _NUMBER:
            return
        number = int(entry.key)
        found = None if entry.body is None else _promise(number, entry.body)
        if found is None:
            self._kept.pop(number, None)
        else:
            self._kept[number] = found
        self.changed(number, found)


def _row(kept: Promise) -> dict[str, Any]:
    return {
        "device": kept.device,
        "wish": kept.wish.model_dump(mode="json"),
        "made": kept.made,
        "due": kept.due,
        "missed": kept.missed,
    }


def _promise(number: int, row: dict[str, Any]) -> Promise | None:
    try:
        wish = Wish.model_validate(row["wish"], extra="ignore")
        return Promise(number, row["device"], wish, row["made"], row["due"], "", 0.0, bool(row["missed"]))
    except (ValidationError, KeyError, TypeError):
        return None
