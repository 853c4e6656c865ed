"""One call: a state table, its negotiations, whether its client is there, its end."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, get_args

from aiortc.mediastreams import MediaStreamError
from loguru import logger

from gateway.errors import BadOffer, Busy
from gateway.media.ears import Ears
from gateway.media.exchange import Exchange
from gateway.media.seat import Bots
from gateway.media.states import Event, State, next_state
from gateway.rtc.connection import MediaFigures
from gateway.settings import Settings
from gateway.wire import advertised, messages, sdp, sdp_plain, talk
from gateway.wire.calls import (
    Answer,
    AnswerCall,
    CommandCall,
    HushCall,
    KeptCall,
    OfferCall,
    PatchCall,
    PlacedCall,
    RenegotiateCall,
    SayCall,
    SessionEvent,
)
from gateway.wire.sdp import Client

LOOK_SECONDS = 1.0
END_SECONDS = 5.0
"""How long a connection may take to close."""


class Session:
    """A call from its offer to its end, owned by the process it lives in.

    Args:
        call: the offer and who made it.
        settings: the gateway's.
        emit: is given everything that the front process should know.
        bots: begins the bot.
        ears: say what of the client the bot hears.
        whole: the bots that want the whole connection in their process, as far as they have shown it yet.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- what its process has for a call
        self,
        call: OfferCall,
        settings: Settings,
        emit: Callable[[SessionEvent], None],
        bots: Bots,
        ears: Ears,
        whole: set[str] | None = None,
    ) -> None:
        self.call = call
        self.id = call.session_id
        self.state = State.NEGOTIATING
        self.started_at = time.time()
        self.reason: str | None = None
        self._since = self._heard_at = time.monotonic()
        self._signs = -1
        self._has_been_live = False
        self._lost = False
        self._failed = False
        self._limits = settings.limits
        self._bitrate = settings.audio.bitrate
        self._advertise = settings.advertise
        self._bots = bots
        self._media: MediaFigures | None = None
        self.placed: PlacedCall | None = None
        self._log = logger.bind(session=self.id)
        self._watch: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._negotiation = asyncio.Lock()
        self._stirred = asyncio.Event()
        self._exchange = Exchange(call, settings, emit, ears, set() if whole is None else whole, self._stir)
        self._connection = self._exchange.connection
        for state in get_args(talk.StateName):
            self._connection.add_event_handler(state, self._moved(state))

    def _stir(self) -> None:
        self._stirred.set()

    def _moved(self, state: talk.StateName) -> Callable[[object], None]:
        def moved(_connection: object) -> None:
            self._failed = self._failed or state == "failed"
            self._stirred.set()
            if state in {"closed", "failed"} and self._may_come_back():
                return  # to its bot a client is there for as long as it may take the call up again
            self._exchange.moved(state)

        return moved

    def _may_come_back(self) -> bool:
        """Whether its connection was lost, and its client may go on over another."""
        return self._has_been_live and self.state in {State.AWAY, State.CONNECTING} and self._closing is None

    @property
    def pc_id(self) -> str:
        return self._connection.pc_id

    async def start(self) -> Answer:
        """Answer the offer and begin the bot; returns once the answer is there, whatever the bot does.

        Raises:
            BadOffer: the offer cannot be answered.
            ConfigError: the bot can't be begun.
            Busy: the call was ended meanwhile.
        """
        try:
            self._bots.check(self.call.bot)
            self._exchange.begin(self._bots)
            async with self._negotiating():
                await self._connection.initialize(self.call.sdp, self.call.type)
            answer = self._answer(self.call.sdp)
            await self._connection.connect()
            await asyncio.sleep(0)  # where nobody waits any more, that is raised here and not after the end
        except BaseException:
            await self.close("failed")
            raise
        self._advance(Event.ANSWERED)
        self._watch = asyncio.create_task(self._follow(), name=f"watch-{self.id}")
        return answer

    # -- negotiations

    @contextlib.asynccontextmanager
    async def _negotiating(self) -> AsyncIterator[None]:
        """One negotiation at a time; where the call ends meanwhile, it leaves no connection open."""
        async with self._negotiation:
            try:
                self._must_be_there()
                yield
            except Exception:
                self._must_be_there()  # else the error is only that the connection was closed
                raise
            finally:
                if self._closing is not None:
                    await self._connection.abandon()
            self._must_be_there()

    def _must_be_there(self) -> None:
        if self._closing is not None:
            raise Busy(f"the call has ended: {self.reason}", remedy="make an offer without pc_id")

    def _answer(self, offer: str) -> Answer:
        found = self._connection.get_answer()
        if found is None:
            raise BadOffer("the offer led to no answer")
        text = str(found["sdp"])
        if self.call.client is Client.DEVICE:
            dtx = self._exchange.dtx
            text = sdp.device_answer(text, self.call.address, bitrate=self._bitrate, dtx=dtx, offer=offer)
            text = advertised.for_device(text, self._advertise)
            return Answer(sdp=text, type=str(found["type"]), pc_id=self.pc_id)
        text = sdp.without_zones(sdp_plain.refused(text, offer))
        text = advertised.for_browser(text, self._advertise)
        return Answer(sdp=text, type=str(found["type"]), pc_id=self.pc_id, session_id=self.id)

    async def renegotiate(self, call: RenegotiateCall) -> Answer:
        """Answer a further offer of the same client, over a new connection if it asks for one."""
        if self.state not in {State.CONNECTING, State.LIVE, State.AWAY}:
            raise BadOffer(f"the session is {self.state}", remedy="make an offer without pc_id")
        async with self._negotiating():
            if call.restart_pc:
                self._restart(call.address)
            await self._connection.renegotiate(call.sdp, call.type, call.restart_pc)
            answer = self._answer(call.sdp)
        return answer.model_copy(update={"resumed": True}) if call.restart_pc else answer

    def _restart(self, address: str) -> None:
        self._log.info("its client goes on over a new connection")
        self._advance(Event.RESTARTED)
        self._heard_at = time.monotonic()
        self._failed = self._lost = False
        self.call = self.call.model_copy(update={"address": address})
        self._exchange.move(self.call)

    async def patch(self, call: PatchCall) -> None:
        """Add trickled candidates."""
        await self._connection.add_candidates(
            [(c.candidate, c.sdp_mid, c.sdp_mline_index) for c in call.candidates]
        )

    def command(self, call: CommandCall) -> None:
        """Send a command to the device; it answers with a report."""
        self._exchange.tell(messages.command(call.command, call.value, call.id))

    def say(self, call: SayCall) -> None:
        """Say this, before anything that the bot says."""
        self._exchange.say(call)

    def hush(self, call: HushCall) -> None:
        """Say no more of it."""
        self._exchange.announcing.stop(call.number)

    def wake(self) -> None:
        """Have its device listen."""
        self._exchange.wake()

    def answer(self, call: AnswerCall) -> None:
        """Tell the bot what became of its question."""
        self._exchange.answer(call)

    # -- its end

    async def close(self, reason: str) -> None:
        """End the call and wait until it has ended; see `end`."""
        await asyncio.shield(self.end(reason))

    def end(self, reason: str) -> asyncio.Task[None]:
        """Begin to end the call for this reason: the client is told, the bot has time to finish. Idempotent."""
        if self._closing is None:
            self.reason = reason
            self._closing = asyncio.create_task(self._close(reason), name=f"close-{self.id}")
            self._advance(Event.CLOSE)
        return self._closing

    async def _close(self, reason: str) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._exchange.announcing.close()
        self._exchange.over(reason)
        await self._connection.told()
        try:
            await asyncio.wait_for(self._connection.disconnect(), END_SECONDS)
        except (TimeoutError, ConnectionError, MediaStreamError) as error:
            self._log.warning("connection did not close cleanly: {!r}", error)
        await self._exchange.end()
        self._advance(Event.CLOSED)
        self._exchange.emit("ended", {"reason": reason})
        self._log.info("session ended: {}", reason)

    # -- whether its client is there

    async def _follow(self) -> None:
        try:
            self.end(await self._run_watch())
        except Exception:  # noqa: BLE001 -- without its watch a call would never end
            self._log.exception("the call cannot be followed")
            self.end("failed")

    async def _run_watch(self) -> str:
        """Follow the call until it ends by itself: the client leaves or vanishes, the bot ends or dies."""
        told = False
        while True:
            self._listen()
            if (over := self._over()) is not None:
                return over
            if self.state is not State.CONNECTING and not told:  # else there is nothing to tell yet
                self._media = await self._connection.figures()
                self._report()
            self._stirred.clear()
            try:
                await asyncio.wait_for(self._stirred.wait(), LOOK_SECONDS)
                told = False
            except TimeoutError:
                told = not told  # its figures are of use every other time

    def _listen(self) -> None:
        """Note signs of life, and follow the table by them."""
        signs = self._connection.signs_of_life()
        if signs != self._signs:
            self._signs, self._heard_at = signs, time.monotonic()
            if self.state is State.AWAY and not self._lost:
                self._advance(Event.HEARD)
                self._log.info("its client is back")
        if self.state is State.CONNECTING and self._connection.connected:
            self._heard_at = time.monotonic()
            self._advance(Event.CONNECTED)
            self._has_been_live = True
        if self.state is State.LIVE and self._silent_for() > self._limits.vanish_timeout_s:
            self._wait("nothing is heard of its client")

    def _silent_for(self) -> float:
        return time.monotonic() - self._heard_at

    def _wait(self, why: str) -> None:
        """Have the client take the call up again."""
        self._advance(Event.SILENT)
        self._log.info("{}; it may come back within {:g} s", why, self._limits.reconnect_timeout_s)

    def _over(self) -> str | None:
        """Why the call is over by itself, if it is."""
        if self.state is State.CONNECTING:
            return self._connecting_over()
        return self._connected_over()

    def _connected_over(self) -> str | None:
        seat = self._exchange.seat
        if seat is not None and seat.hung_up:
            return "bot_ended"  # where it has the whole connection, that is closed by now
        if not self._lost and not self._connection.connected and not self._connection.restarting():
            return "client_left"
        if self.state is State.AWAY and self._silent_for() > self._most_silent():
            return "vanished"
        if seat is not None and seat.task.done():
            return seat.task.result()
        return "bot_failed" if self._exchange.unsuited else None  # the next call has what it wants

    def _most_silent(self) -> float:
        return self._limits.vanish_timeout_s + self._limits.reconnect_timeout_s

    def _connecting_over(self) -> str | None:
        late = time.monotonic() - self._since > self._limits.connect_timeout_s
        if not self._failed and not late:
            return None
        why = self._connection.why_failed() if self._failed else "it took too long"
        if self._may_come_back() and self._silent_for() <= self._most_silent():
            self._lost = True
            self._wait(f"its new connection came to nothing: {why}")
            return None
        self._log.warning("it did not connect: {}", why)
        return "connect_failed" if self._failed else "connect_timeout"

    def _advance(self, event: Event) -> None:
        self.state = next_state(self.state, event)
        self._since = time.monotonic()
        self._log.debug("session is {}", self.state)
        if self.state is not State.ENDED:
            self._report()

    # -- what others see of it

    def describe(self) -> dict[str, Any]:
        """The page's and `/api/state`'s view of this call."""
        return {
            "id": self.id,
            "device": self.call.device,
            "client": str(self.call.client),
            "address": self.call.remote,
            "bot": self.call.bot,
            "state": str(self.state),
            "started_at": self.started_at,
            "media": dataclasses.asdict(self._media) if self._media is not None else None,
            "figures": self._exchange.reports.figures,
            "has": self.call.parts,
            "tools": list(self._exchange.reports.tools.values()),
        }

    def kept(self) -> KeptCall:
        """This call, for a front that knows nothing of it."""
        return KeptCall(
            session_id=self.id,
            pc_id=self.pc_id,
            device=self.call.device,
            owner=self.call.owner,
            described=self.describe(),
            seal=self.call.seal,
            order=self.placed.order if self.placed is not None else None,
            placed=self.placed.seal if self.placed is not None else "",
        )

    def _report(self) -> None:
        try:
            self._exchange.emit("session", self.describe())
        except Exception:  # noqa: BLE001 -- what can't be told of a call keeps it from nothing, and never from its end
            self._log.exception("the call can't be told of")
