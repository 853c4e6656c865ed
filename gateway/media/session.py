"""One call: a state table, its connection, its bot, its end."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiortc.mediastreams import MediaStreamError
from loguru import logger
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import SmallWebRTCRunnerArguments

from gateway.bot import loading
from gateway.bot.task import END_SECONDS, BotTask, watcher
from gateway.bot.turns import TurnClock
from gateway.errors import BadOffer, Busy
from gateway.media.reports import DeviceReports
from gateway.media.states import Event, State, next_state
from gateway.rtc import stock
from gateway.rtc.codec import SAMPLE_RATE, OpusSettings
from gateway.rtc.connection import DeviceConnection, GatewayConnection, MediaFigures
from gateway.settings import Settings
from gateway.wire import messages, sdp
from gateway.wire.calls import Answer, CommandCall, OfferCall, PatchCall, RenegotiateCall, SessionEvent
from gateway.wire.sdp import Client

BOT_START_SHARE = 0.9
"""Of `offer_timeout_s`, for a bot to be ready: the rest is for saying that it was not."""
STATUS_SECONDS = 1.0


class Session:
    """A call from its offer to its end, owned by the process it lives in.

    Args:
        call: the offer and who made it.
        settings: the gateway's.
        emit: is given everything that the front process should know.
    """

    def __init__(self, call: OfferCall, settings: Settings, emit: Callable[[SessionEvent], None]) -> None:
        self.call = call
        self.id = call.session_id
        self.state = State.NEGOTIATING
        self.started_at = time.time()
        self.reason: str | None = None
        self._since = time.monotonic()
        self._settings = settings
        self._emit = emit
        self._media: MediaFigures | None = None
        self._log = logger.bind(session=self.id)
        self.turns = TurnClock(
            self._report_turn, self._report_transcript, sees_packets=call.client is Client.DEVICE
        )
        self._connection = self._make_connection()
        self._reports = DeviceReports(self._connection.send_app_message, self._report_device, self.id)
        self._bot: BotTask | None = None
        self._watch: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._negotiation = asyncio.Lock()
        self._stirred = asyncio.Event()
        self._failed = False
        self._connection.add_event_handler("failed", self._fail)
        for event in ("connected", "closed", "failed"):
            self._connection.add_event_handler(event, self._stir)
        if call.client is Client.DEVICE:
            self._connection.add_event_handler("app-message", self._reports.take)

    async def _stir(self, _connection: GatewayConnection) -> None:
        self._stirred.set()

    async def _fail(self, _connection: GatewayConnection) -> None:
        self._failed = True

    def _make_connection(self) -> GatewayConnection:
        if self.call.client is Client.BROWSER:
            return GatewayConnection(addresses=self._addresses())
        audio = self._settings.audio
        return DeviceConnection(
            addresses=self._addresses(),
            opus=OpusSettings(audio.bitrate, audio.complexity, audio.fec, audio.dtx),
            on_audio=self.turns.packet,
        )

    def _addresses(self) -> list[str]:
        """For a device the one it reached us by; for a browser all, and loopback if the page was opened on it."""
        if self.call.client is Client.DEVICE:
            return [self.call.address]
        found = stock.host_addresses()
        return found if self.call.address in found else [self.call.address, *found]

    @property
    def pc_id(self) -> str:
        return self._connection.pc_id

    def watch(self, worker: PipelineWorker) -> None:
        """Time the turns of a pipeline that the bot of this call runs; a device's audio gets the short way."""
        stock.watch_frames(worker, self.turns.frame)
        if self.call.client is Client.DEVICE:
            stock.shorten(worker, SAMPLE_RATE)

    async def start(self) -> Answer:
        """Answer the offer and start the bot; returns once the bot's pipeline is set up.

        Raises:
            BadOffer: the offer cannot be answered.
            BotFailed: the bot raised, or ended, before it was ready.
            Busy: the call was ended meanwhile.
        """
        try:
            bot = loading.load(self.call.bot).bot
            async with self._negotiating():
                await self._connection.initialize(sdp.bundle_in_order(self.call.sdp), self.call.type)
            answer = self._answer(self.call.sdp)
            self._bot = BotTask(self.call.bot, self._run_bot(bot), self.id)
            self._bot.task.add_done_callback(lambda _: self._stirred.set())
            await self._bot.ready(
                self._connection.bot_ready, BOT_START_SHARE * self._settings.limits.offer_timeout_s
            )
            self._must_be_there()
        except BaseException:
            await self.close("failed")
            raise
        self._advance(Event.ANSWERED)
        self._watch = asyncio.create_task(self._follow(), name=f"watch-{self.id}")
        return answer

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
                    await self._connection.pc.close()
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
            bitrate = self._settings.audio.bitrate
            text = sdp.device_answer(text, self.call.address, bitrate=bitrate, offer=offer)
            return Answer(sdp=text, type=str(found["type"]), pc_id=self.pc_id)
        return Answer(sdp=text, type=str(found["type"]), pc_id=self.pc_id, session_id=self.id)

    async def renegotiate(self, call: RenegotiateCall) -> Answer:
        """Answer a further offer of the same client, over a new connection if it asks for one."""
        if self.state not in {State.CONNECTING, State.LIVE}:
            raise BadOffer(f"the session is {self.state}", remedy="make an offer without pc_id")
        async with self._negotiating():
            if call.restart_pc:
                self._advance(Event.RESTARTED)
                self._failed = False
                self.call = self.call.model_copy(update={"address": call.address})
                self._connection.addresses = self._addresses()
            await self._connection.renegotiate(sdp.bundle_in_order(call.sdp), call.type, call.restart_pc)
            return self._answer(call.sdp)

    async def patch(self, call: PatchCall) -> None:
        """Add trickled candidates."""
        await self._connection.add_candidates(
            [(c.candidate, c.sdp_mid, c.sdp_mline_index) for c in call.candidates]
        )

    def command(self, call: CommandCall) -> None:
        """Send a command to the device; it answers with a report."""
        self._connection.send_app_message(messages.command(call.command, call.value))

    async def close(self, reason: str) -> None:
        """End the call and wait until it has ended; see `end`."""
        await asyncio.shield(self.end(reason))

    def end(self, reason: str) -> asyncio.Task[None]:
        """Begin to end the call for this reason: the client is told, the bot has time to finish. Idempotent."""
        if self._closing is None:
            self.reason = reason
            self._advance(Event.CLOSE)
            self._closing = asyncio.create_task(self._close(reason), name=f"close-{self.id}")
        return self._closing

    async def _close(self, reason: str) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        self._tell(reason)
        try:
            await asyncio.wait_for(self._connection.disconnect(), END_SECONDS)
        except (TimeoutError, ConnectionError, MediaStreamError) as error:
            self._log.warning("connection did not close cleanly: {!r}", error)
        if self._bot is not None:
            await self._bot.end()
        self._advance(Event.CLOSED)
        self._emit(SessionEvent(kind="ended", session_id=self.id, data={"reason": reason}))
        self._log.info("session ended: {}", reason)

    def _tell(self, reason: str) -> None:
        """Say why the call ends, as an RTVI error, where the client did not end it."""
        if reason in {"client_left", "vanished"}:
            return
        data = {"message": reason, "error": reason, "fatal": True}
        self._connection.send_app_message({"label": "rtvi-ai", "type": "error", "data": data})

    async def _run_bot(self, bot: loading.Bot) -> None:
        watcher.set(self.watch)
        self._log.info(
            "{} at {}: bot {}", self.call.device or self.call.client, self.call.remote, self.call.bot
        )
        arguments = SmallWebRTCRunnerArguments(
            webrtc_connection=self._connection, body=self._body(), session_id=self.id
        )
        if self.call.client is Client.DEVICE:
            arguments.pipeline_idle_timeout_secs = None  # a device stays connected while nobody speaks
        await bot(arguments)

    def _body(self) -> dict[str, Any]:
        given = self.call.request_data if isinstance(self.call.request_data, dict) else {}
        own = {"session_id": self.id, "device": self.call.device, "settings": self._settings}
        return {**given, "voicegw": own}

    async def _follow(self) -> None:
        try:
            self.end(await self._run_watch())
        except Exception:  # noqa: BLE001 -- without its watch a call would never end
            self._log.exception("the call cannot be followed")
            self.end("failed")

    async def _run_watch(self) -> str:
        """Follow the call until it ends by itself: the client leaves or vanishes, the bot ends or dies."""
        limits = self._settings.limits
        packets, heard_at = -1, time.monotonic()
        while True:
            now = time.monotonic()
            if self._bot is not None and self._bot.done:
                return self._bot_end(self._bot)
            if (count := self._connection.packets_received()) != packets:
                packets, heard_at = count, now
            if self._connection.connected and self.state is State.CONNECTING:
                self._advance(Event.CONNECTED)
            if self.state is State.LIVE:
                if not self._connection.connected and not self._restarting():
                    return "client_left"
                if now - heard_at > limits.vanish_timeout_s:
                    return "vanished"
            elif self._failed:
                return "connect_failed"
            elif now - self._since > limits.connect_timeout_s:
                return "connect_timeout"
            else:
                heard_at = now
            self._media = await self._connection.figures()
            self._report()
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), STATUS_SECONDS)

    def _restarting(self) -> bool:
        return self._connection.pc.connectionState in {"new", "connecting"}

    def _bot_end(self, bot: BotTask) -> str:
        if bot.failed():
            return "bot_failed"
        return "bot_ended" if self._connection.connected else "client_left"

    def _advance(self, event: Event) -> None:
        self.state = next_state(self.state, event)
        self._since = time.monotonic()
        self._log.debug("session is {}", self.state)
        if self.state is not State.ENDED:
            self._report()

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
            "figures": self._reports.figures,
        }

    def _report(self) -> None:
        self._emit(SessionEvent(kind="session", session_id=self.id, data=self.describe()))

    def _report_device(self, report: messages.Report) -> None:
        who = {"session": self.id, "device": self.call.device, "at": time.time()}
        body = {**who, "kind": report.kind, "data": report.data}
        self._emit(SessionEvent(kind="report", session_id=self.id, data=body))

    def _report_turn(self, data: dict[str, Any]) -> None:
        self._emit(SessionEvent(kind="turn", session_id=self.id, data={"session": self.id, **data}))

    def _report_transcript(self, data: dict[str, Any]) -> None:
        who = {"session": self.id, "device": self.call.device, "bot": self.call.bot}
        self._emit(SessionEvent(kind="transcript", session_id=self.id, data={**who, **data}))
