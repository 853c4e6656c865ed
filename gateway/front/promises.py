"""Keeps what devices were promised: rings, speaks, and says what was missed, once the device is there."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from loguru import logger

from gateway.errors import BadRequest, Busy, GatewayError, NotFound
from gateway.front.promise_book import Book
from gateway.front.switchboard import Switchboard
from gateway.recurring import Recurring
from gateway.wire.calls import SayCall, SessionEvent
from gateway.wire.promises import KEEP_SECONDS, LATE_SECONDS, MAX_SECONDS, MOST, Moment, Promise, Wish

LOOK_SECONDS: Final = 0.5
"""How often it is looked what is due: the wall clock may be set at any time, and tells nobody."""
AGAIN_SECONDS: Final = 5.0
"""Before it is tried again to say what could not be handed over."""
ASK_SECONDS: Final = 10.0
"""Between two questions whether something is being said still: NATS, or its host, may have been away as that ended."""
RUNG_SECONDS: Final = 4.0
"""For which a bot is told of what was stopped: "stop the timer" stops it, and is of it when the bot understands it."""


class Promises:
    """The promises to all devices.

    Args:
        book: where they are kept.
        switchboard: who is there.
        publish: is given what the page should know.
        clock: tells the moment.
    """

    def __init__(
        self,
        book: Book,
        switchboard: Switchboard,
        publish: Callable[[str, dict[str, Any]], None],
        clock: Callable[[], Moment] | None = None,
    ) -> None:
        self._book = book
        self._switchboard = switchboard
        self._publish = publish
        self._clock = clock or book.now
        self._kept: dict[int, Promise] = {}
        self._said_in: dict[int, str] = {}
        """Those that are being said, by number: in which session."""
        self._asked: dict[int, tuple[float, SayCall]] = {}
        """When each of them was last asked for, and as what: who is asked again says how it ended."""
        self._not_before: dict[int, float] = {}
        self._unheard_in: dict[int, str] = {}
        """Those that nobody by the device has heard, by number: in which session. The next one tells of them."""
        self._rung: dict[str, tuple[float, Promise]] = {}
        """What was stopped last, by device, and when."""
        self._released: list[int] = []
        """Those that were cut off, for whichever front has the next call."""
        self._stirred = asyncio.Event()
        self._ended: deque[tuple[int, str, str]] = deque()

    async def load(self) -> None:
        """Read those of before; raises StorageError."""
        self._kept = {p.number: p for p in await self._book.all()}

    # -- what is asked for

    async def add(self, device: str, wish: Wish) -> dict[str, Any]:
        """Promise something to a device, there or not; what it came to.

        Raises:
            Busy: it has as many as it may. BadRequest: it is too far ahead. StorageError: it is not kept.
        """
        if wish.at is not None and wish.at > self._clock().wall + MAX_SECONDS:
            raise BadRequest("it is more than a year ahead", remedy="give a time within a year")
        if sum(p.device == device for p in self._kept.values()) >= MOST:
            raise Busy(f"{device} has {MOST} timers and announcements already", remedy="cancel some")
        made = await self._book.add(device, wish, self._clock())
        self._kept[made.number] = made
        logger.info("{} is promised number {}: {}", device, made.number, wish.kind)
        self._tell(made, "kept")
        self._stirred.set()
        return made.view(self._clock())

    def of(self, device: str) -> list[dict[str, Any]]:
        """What a device was promised, the next first; `ringing` tells what is being said."""
        now = self._clock()
        found = sorted((p for p in self._kept.values() if p.device == device), key=lambda p: p.left(now))
        ringing = self._book.said_by_others().keys() | self._said_in.keys()
        return [{**p.view(now), "ringing": p.number in ringing} for p in found]

    def rung(self, device: str) -> list[dict[str, Any]]:
        """What rang on a device until a moment ago."""
        now = self._clock()
        at, kept = self._rung.get(device, (0.0, None))
        return [{**kept.view(now), "ringing": True}] if kept and now.up - at <= RUNG_SECONDS else []

    async def cancel(self, device: str, number: int) -> None:
        """Take one back, and stop it if it is being said.

        Raises:
            NotFound: there is none of that number. StorageError: it is still kept.
        """
        found = self._kept.get(number)
        if found is None and number in {p["number"] for p in self.rung(device)}:
            del self._rung[device]
            return
        if found is None or found.device != device:
            raise NotFound(
                f"{device} has no number {number}", remedy=f"see: voicegw devices promises {device}"
            )
        saying = self._book.said_by_others() | self._said_in
        await self._forget(found, "cancelled")
        self._said_in.pop(number, None)
        if (session_id := saying.get(number)) is not None:
            await self._switchboard.hush(session_id, number)

    async def quiet(self, device: str) -> int:
        """Stop all that a device is being told; how many that were."""
        self._rung.pop(device, None)  # who says "stop" is understood by now: "cancel the timer" is of another
        saying = self._book.said_by_others() | self._said_in
        found = [n for n in saying if n in self._kept and self._kept[n].device == device]
        for number in found:
            await self._switchboard.hush(saying[number], number)
        return len(found)

    # -- what happens

    def take(self, event: SessionEvent) -> None:
        """Note a call that is live or over, and how something ended that was said."""
        if event.kind == "said":
            number = event.data["number"]
            if self._said_in.get(number) == event.session_id:  # a host tells of its own calls
                del self._said_in[number]
                self._unheard_in[number] = event.session_id
                self._note_stopped(self._kept.get(number), event.data["how"])
                self._ended.append((number, event.data["how"], event.data["why"]))
                self._stirred.set()
        elif event.kind == "ended":
            for number in [n for n, session in self._said_in.items() if session == event.session_id]:
                del self._said_in[number]  # it was cut off: it is for the next call
                self._released.append(number)
            self._stirred.set()
        elif event.kind == "session" and event.data.get("state") == "live":
            self._stirred.set()

    def _note_stopped(self, kept: Promise | None, how: str) -> None:
        if kept is not None and how == "stopped" and kept.wish.kind != "say":
            self._rung[kept.device] = self._clock().up, kept

    def changed(self, number: int, kept: Promise | None) -> None:
        """Note what another front has promised, or taken back."""
        if kept is not None:
            self._kept[number] = kept
        else:
            self._kept.pop(number, None)
        self._stirred.set()

    async def run(self) -> None:
        """Keep them, until cancelled."""
        trouble = Recurring("what was promised to devices can't be kept", level="ERROR")
        while True:
            try:
                await self._look()
                trouble.over()
            except GatewayError as error:
                trouble.met(error.message)
            except Exception as error:  # noqa: BLE001 -- whatever it was: else no timer would ring any more
                trouble.met(repr(error), error)
            self._stirred.clear()
            try:
                await asyncio.wait_for(self._stirred.wait(), LOOK_SECONDS if self._kept else None)
            except TimeoutError:
                continue

    async def _look(self) -> None:
        fault = await self._note_ends()
        while self._released:
            await self._book.release(self._released.pop())
        now = self._clock()
        over = self._said_in.keys() | {number for number, *_ in self._ended}
        for kept in [p for p in self._kept.values() if p.left(now) <= 0 and p.number not in over]:
            await self._keep(kept, now)
        await self._ask_again(now)
        if fault is not None:
            raise fault

    async def _note_ends(self) -> GatewayError | None:
        """What can't be noted now is noted later, and not said again meanwhile; gives why it can't."""
        fault = None
        for ended in tuple(self._ended):
            try:
                await self._end(*ended)
            except GatewayError as error:
                fault = error
            else:
                self._ended.remove(ended)
        return fault

    async def _ask_again(self, now: Moment) -> None:
        for number, (at, call) in tuple(self._asked.items()):
            if self._said_in.get(number) != call.session_id:
                del self._asked[number]
            elif at + ASK_SECONDS <= now.up:
                self._asked[number] = now.up, call
                with suppress(GatewayError):  # it is asked once more, unless its call is over
                    await self._switchboard.say(call)

    async def _keep(self, kept: Promise, now: Moment) -> None:
        """Say what is due, if its device is there."""
        if -kept.left(now) > (kept.wish.keep_s if kept.wish.kind == "say" else KEEP_SECONDS):
            logger.warning("{} was never there for number {}: {}", kept.device, kept.number, kept.spoken())
            await self._forget(kept, "dropped")
            return
        late = -kept.left(now) > LATE_SECONDS and kept.wish.kind != "say"
        if late and not kept.missed:
            kept = await self._miss(kept)
        session_id = self._switchboard.live_session(kept.device)
        if session_id is None or session_id == self._unheard_in.get(kept.number):
            return
        if self._not_before.get(kept.number, 0) > now.up:
            return
        if not await self._book.holds(kept.number):
            self._kept.pop(kept.number, None)
            return
        if not await self._book.claim(kept.number, session_id):
            return
        await self._say(kept, session_id, now)

    async def _say(self, kept: Promise, session_id: str, now: Moment) -> None:
        call = SayCall(
            session_id=session_id,
            number=kept.number,
            text=kept.spoken_late(now) if kept.missed else kept.spoken(),
            sound="chime" if kept.missed and kept.sound == "ring" else kept.sound,
            volume=kept.volume,
            until_stopped=kept.sound == "ring" and not kept.missed,
        )
        self._said_in[kept.number] = session_id
        self._asked[kept.number] = now.up, call
        try:
            await self._switchboard.say(call)
        except GatewayError as error:
            self._said_in.pop(kept.number, None)
            self._not_before[kept.number] = now.up + AGAIN_SECONDS
            await self._book.release(kept.number)
            logger.info("{} can't be told number {} yet: {}", kept.device, kept.number, error.message)
            return
        self._tell(kept, "ringing" if call.until_stopped else "saying")

    async def _end(self, number: int, how: str, why: str) -> None:
        kept = self._kept.get(number)
        if kept is None:
            return
        if how == "failed":
            logger.error("{} could not be told number {}: {}", kept.device, number, why)
        if how == "unheard" and not kept.missed:
            await self._miss(kept)
        else:
            await self._forget(kept, how)

    async def _miss(self, kept: Promise) -> Promise:
        """Note that nobody was there: no device, or nobody by it."""
        await self._book.miss(kept.number)
        self._kept[kept.number] = missed = replace(kept, missed=True)
        logger.warning("{} missed number {}: {}", kept.device, kept.number, kept.spoken())
        self._tell(missed, "missed")
        return missed

    async def _forget(self, kept: Promise, how: str) -> None:
        await self._book.remove(kept.number)
        self._kept.pop(kept.number, None)
        self._not_before.pop(kept.number, None)
        self._unheard_in.pop(kept.number, None)
        self._tell(kept, how)

    def _tell(self, kept: Promise, state: str) -> None:
        self._publish("promise", {**kept.view(self._clock()), "state": state})
