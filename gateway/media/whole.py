"""A call whose whole connection is in its bot's process: the same to the session as one that is here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from gateway.errors import BadOffer, BotFailed, Busy
from gateway.media.seat import Seat
from gateway.rtc.connection import MediaFigures
from gateway.wire import talk

Handler = Callable[..., Any]


class RemoteConnection:
    """Asks for what the session asks of it over the pair, one thing at a time.

    Args:
        addresses: for host candidates; `None` for all of this machine's.
        timeout_s: until the bot's process must have answered.
    """

    def __init__(self, addresses: Sequence[str] | None, timeout_s: float) -> None:
        self.addresses = addresses
        self.seat: Seat | None = None
        self.pc_id = ""
        self.state: talk.StateName = "new"
        self._timeout_s = timeout_s
        self._answer: talk.Answered | None = None
        self._waiting: asyncio.Future[talk.Answered] | None = None
        self._one = asyncio.Lock()
        self._media: talk.Media | None = None
        self._handlers: dict[str, Handler] = {}

    def add_event_handler(self, name: str, handler: Handler) -> None:
        """Have a state's event handled, at once; messages and tracks are between client and bot."""
        self._handlers[name] = handler

    async def initialize(self, sdp: str, type: str) -> None:  # noqa: A002 -- as Pipecat has it
        await self.renegotiate(sdp, type, restart_pc=False)

    async def renegotiate(self, sdp: str, type: str, restart_pc: bool) -> None:  # noqa: A002
        """Have an offer answered.

        Raises:
            BadOffer: it can't be.
            BotFailed: the bot's process ended. Busy: it took too long.
        """
        addresses = None if self.addresses is None else list(self.addresses)
        self._answer = await self._ask(
            talk.Negotiate(sdp=sdp, type=type, restart=restart_pc, addresses=addresses)
        )
        self.pc_id = self._answer.pc_id

    async def add_candidates(self, candidates: Sequence[tuple[str, str | None, int | None]]) -> None:
        """Add trickled candidates; raises as `renegotiate` does."""
        await self._ask(talk.Candidates(items=list(candidates)))

    async def _ask(self, asked: talk.Negotiate | talk.Candidates) -> talk.Answered:
        assert self.seat is not None
        async with self._one:
            self._waiting = asyncio.get_running_loop().create_future()
            self.seat.tell(asked)
            either: set[asyncio.Future[Any]] = {self._waiting, self.seat.task}
            await asyncio.wait(either, timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if not self._waiting.done():
                if self.seat.task.done():
                    raise BotFailed("the bot ended before it answered", remedy="see the gateway's log")
                raise Busy(f"the bot's process gave no answer within {self._timeout_s:g} s")
            answer = self._waiting.result()
        if answer.refusal is not None:
            raise BadOffer(answer.refusal)
        return answer

    def get_answer(self) -> dict[str, str] | None:
        """The answer to the last offer, as Pipecat's connection gives it."""
        found = self._answer
        return None if found is None else {"sdp": found.sdp, "type": found.type, "pc_id": found.pc_id}

    def take(self, told: talk.Answered | talk.Media | talk.State) -> None:
        """Take what the bot's process tells of the connection."""
        match told:
            case talk.Answered():
                if self._waiting is not None and not self._waiting.done():
                    self._waiting.set_result(told)
            case talk.Media():
                self._media = told
            case talk.State():
                self.state = told.state
                if (handler := self._handlers.get(told.state)) is not None:
                    handler(self)

    async def connect(self) -> None:
        """The bot's own transport does that."""

    async def told(self) -> None:
        """The bot's own connection sees to it."""

    async def disconnect(self) -> None:
        """Have it closed."""
        if self.seat is not None:
            self.seat.tell(talk.Close())

    abandon = disconnect

    def send_app_message(self, message: Any) -> None:
        """Send a message to the client."""
        if self.seat is not None:
            self.seat.tell(talk.App(message=message))

    def say(self, pcm: bytes, rate: int) -> None:
        """Nothing: the bot speaks through its own connection."""

    def hush(self) -> None:
        """Nothing, likewise."""

    @property
    def connected(self) -> bool:
        return self.state == "connected"

    def why_failed(self) -> str:
        """The bot's process knows."""
        return "its connection, in the bot's process, failed"

    def restarting(self) -> bool:
        """Whether it is on its way to be connected."""
        return self.state in {"new", "connecting"}

    def signs_of_life(self) -> int:
        """A count that stands still when the client is gone."""
        return 0 if self._media is None else self._media.signs

    async def figures(self) -> MediaFigures | None:
        """How the media fares, as it was last told."""
        if self._media is None or self._media.figures is None:
            return None
        told = self._media.figures  # by whoever is in the bot's process: of any names
        return MediaFigures(**{own.name: told.get(own.name) for own in fields(MediaFigures)})  # type: ignore[arg-type]
