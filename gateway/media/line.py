"""A call on the phone: no connection of ours, but a WebSocket of its provider's that the front holds, and a bot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from loguru import logger

from gateway.errors import NotFound
from gateway.media.seat import Bots, Seat
from gateway.media.states import Event, State, next_state
from gateway.settings import Settings
from gateway.wire import talk
from gateway.wire.calls import BotJob, EventKind, LineMessage, PhoneCall, SessionEvent
from gateway.wire.frames import FrameError

FIRST: Final = 2
"""Messages with which each provider says what call this is; a bot that lacks one can't begin."""


class Line:
    """Such a call from its start to its end; what the provider says goes to the bot as it comes, and back.

    Args:
        call: who calls.
        settings: the gateway's.
        emit: is given everything that the front process should know.
        bots: begins the bot.

    Raises:
        ConfigError: the bot can't be begun.
    """

    def __init__(
        self, call: PhoneCall, settings: Settings, emit: Callable[[SessionEvent], None], bots: Bots
    ) -> None:
        bots.check(call.bot)
        self.id = call.session_id
        self.state = next_state(State.NEGOTIATING, Event.ANSWERED)
        self.reason: str | None = None
        self._call = call
        self._emit_on = emit
        self._started_at = time.time()
        self._log = logger.bind(session=self.id)
        self._log.info("{} at {}: bot {}", call.provider, call.remote, call.bot)
        self._closing: asyncio.Task[None] | None = None
        self._seat = Seat(
            bots, _job(call, settings), self, replace=False, limits=settings.bot_limits, first=FIRST
        )
        self._watch = asyncio.create_task(self._follow(), name=f"watch-{self.id}")
        self._report()

    def heard(self, message: LineMessage) -> None:
        """Tell the bot what the provider says."""
        if self._closing is None:
            self._seat.tell(talk.Line(text=message.text, data=message.data))

    async def _follow(self) -> None:
        try:
            self.end(await asyncio.shield(self._seat.task))
        except Exception:  # noqa: BLE001 -- without its watch a call would never end
            self._log.exception("the call cannot be followed")
            self.end("failed")

    # -- its end

    async def close(self, reason: str) -> None:
        """End the call and wait until it has ended; see `end`."""
        await asyncio.shield(self.end(reason))

    def end(self, reason: str) -> asyncio.Task[None]:
        """Begin to end the call for this reason; the bot has time to finish. Idempotent."""
        if self._closing is None:
            self.reason = reason
            self._closing = asyncio.create_task(self._close(reason), name=f"close-{self.id}")
            self._advance(Event.CLOSE)
        return self._closing

    async def _close(self, reason: str) -> None:
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        self._seat.tell(talk.Close())
        await self._seat.end()
        self._advance(Event.CLOSED)
        self._emit("ended", {"reason": reason})
        self._log.info("session ended: {}", reason)

    # -- what the bot says: seat.Sink

    def told(self, told: talk.FromBot) -> None:
        """Pass on what the bot tells."""
        who = {"session": self.id, "device": None, "bot": self._call.bot}
        match told:
            case talk.Line():
                self._emit("line", {"text": told.text, "data": told.data})
            case talk.Ready():
                if self.state is State.CONNECTING:
                    self._advance(Event.CONNECTED)
            case talk.Transcript():
                self._emit("transcript", {**who, **told.model_dump(exclude={"t"})})
            case talk.Turn() | talk.Measures() | talk.Tool():
                self._emit(told.t, {"session": self.id, "device": None, **told.model_dump(exclude={"t"})})
            case talk.Ask():
                why = {
                    "code": NotFound.code,
                    "message": "a phone has no tools",
                    "remedy": "ask in a device's call",
                }
                self._seat.tell(talk.Done(id=told.id, ok=False, result=why))
            case _:
                raise FrameError(f"a bot on the phone tells no {told.t}")

    def said(self, pcm: bytes, rate: int) -> None:  # noqa: ARG002 -- seat.Sink's
        """Never: its sound is in its messages."""
        raise FrameError("a bot on the phone says nothing beside its WebSocket")

    def clear(self) -> None:
        """Never, likewise."""

    def bot_failed(self, detail: str) -> None:
        """Never: nobody takes its place."""

    def greet(self) -> list[talk.Told]:
        """A bot is told nothing first."""
        return []

    # -- what others see of it

    def describe(self) -> dict[str, Any]:
        """The page's and `/api/state`'s view of this call."""
        return {
            "id": self.id,
            "device": None,
            "client": self._call.provider,
            "address": self._call.remote,
            "bot": self._call.bot,
            "state": str(self.state),
            "started_at": self._started_at,
            "media": None,
            "figures": None,
            "has": None,
            "tools": [],
        }

    def _advance(self, event: Event) -> None:
        self.state = next_state(self.state, event)
        self._log.debug("session is {}", self.state)
        if self.state is not State.ENDED:
            self._report()

    def _report(self) -> None:
        self._emit("session", self.describe())

    def _emit(self, kind: EventKind, data: dict[str, Any]) -> None:
        self._emit_on(SessionEvent(kind=kind, session_id=self.id, data=data))


def _job(call: PhoneCall, settings: Settings) -> BotJob:
    own = {"session_id": call.session_id, "device": None, "settings": settings.model_dump(mode="json")}
    return BotJob(
        session_id=call.session_id, bot=call.bot, own=own, device=None, pc_id="", phone=call.provider
    )
