"""The calls of one process: takes offers, finds the session of a later request, ends them all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loguru import logger

from gateway.errors import Busy, NotFound, Stopping
from gateway.media import speex
from gateway.media.bots import Bots
from gateway.media.ears import Ears
from gateway.media.here import BotsHere
from gateway.media.line import Line
from gateway.media.packs import Packs
from gateway.media.session import Session
from gateway.media.states import State
from gateway.settings import Settings
from gateway.wire.calls import (
    Answer,
    AnswerCall,
    Asked,
    CommandCall,
    EndCall,
    HushCall,
    LineMessage,
    OfferCall,
    PatchCall,
    PhoneCall,
    PlacedCall,
    RenegotiateCall,
    SayCall,
    SessionEvent,
    WakeCall,
)


class Host:
    """Owns the sessions of this process.

    Args:
        settings: the gateway's.
        emit: is given every session's events.
        bots: begins the bots; has been started, and is stopped with this.

    Raises:
        ConfigError: a wake word that is set can't be heard.
    """

    def __init__(
        self, settings: Settings, emit: Callable[[SessionEvent], None], bots: Bots | Packs | BotsHere
    ) -> None:
        self._settings = settings
        self._emit = emit
        self._sessions: dict[str, Session] = {}
        self._lines: dict[str, Line] = {}
        self._wholes: set[str] = set()
        self._draining = False
        self._bots = bots
        self._ears = Ears(settings)
        if settings.audio.echo == "cancel" and not speex.available():
            logger.warning(
                "echoes are not cancelled, and devices hear nobody while they speak: libspeexdsp is not there; {}",
                speex.INSTALL,
            )

    async def look(self) -> None:
        """Name in the log what of others can't be used now."""
        await self._ears.look()

    async def offer(self, call: OfferCall) -> Answer:
        """Begin a call; see `Session.start`.

        Raises:
            Busy: the id's earlier call has not ended yet.
        """
        if self._draining:
            raise Stopping("the gateway is stopping", remedy="try again when it is back")
        if call.session_id in self._sessions:
            raise Busy("this session has a call already", remedy="try again in a few seconds")
        session = Session(call, self._settings, self._forward, self._bots, self._ears, self._wholes)
        self._sessions[session.id] = session
        with logger.contextualize(
            session=session.id
        ):  # whatever is started in it logs as it: aiortc, the bot
            return await session.start()

    async def phone(self, call: PhoneCall) -> None:
        """Begin a call on the phone; see `Line`."""
        if self._draining:
            raise Stopping("the gateway is stopping", remedy="try again when it is back")
        with logger.contextualize(session=call.session_id):
            self._lines[call.session_id] = Line(call, self._settings, self._forward, self._bots)

    def heard(self, message: LineMessage) -> None:
        """Pass on what the provider of a call on the phone says; one that has ended hears nothing."""
        if (line := self._lines.get(message.session_id)) is not None:
            line.heard(message)

    def hang_up_lines(self) -> None:
        """End the calls on the phone: the front that held their WebSockets is gone."""
        for line in tuple(self._lines.values()):
            line.end("client_left")

    async def renegotiate(self, call: RenegotiateCall) -> Answer:
        """Pass a further offer to its session."""
        return await self._find(call.session_id).renegotiate(call)

    async def ask(self, call: Asked) -> None:
        """Have a call that is there do something, or know it."""
        session = self._find(call.session_id)
        match call:
            case PatchCall():
                await session.patch(call)
            case CommandCall():
                session.command(call)
            case SayCall():
                session.say(call)
            case HushCall():
                session.hush(call)
            case WakeCall():
                session.wake()
            case AnswerCall():
                session.answer(call)
            case PlacedCall():
                session.placed = call

    async def end(self, call: EndCall) -> None:
        """Begin to end one call; who asks need not wait until its bot has finished."""
        line = self._lines.get(call.session_id)
        (line or self._find(call.session_id)).end(call.reason)

    @property
    def calls(self) -> list[Session]:
        """Those that are there and not ending."""
        return [s for s in self._sessions.values() if s.state is not State.ENDED and s.reason is None]

    async def drain(self, reason: str) -> None:
        """Take no more offers and end every call."""
        self._draining = True
        calls: list[Session | Line] = [*self._sessions.values(), *self._lines.values()]
        closing = [call.close(reason) for call in calls]
        await asyncio.gather(*closing, return_exceptions=True)
        await self._bots.stop()

    def _find(self, session_id: str) -> Session:
        try:
            return self._sessions[session_id]
        except KeyError:
            raise NotFound("that session has ended", remedy="make a new offer, without pc_id") from None

    def _forward(self, event: SessionEvent) -> None:
        if event.kind == "ended":
            self._sessions.pop(event.session_id, None)
            self._lines.pop(event.session_id, None)
        self._emit(event)
