"""One call: a state table, its connection, its bot, its end."""

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
from gateway.media import voice
from gateway.media.announcing import Announcing, means_stop
from gateway.media.reports import DeviceReports
from gateway.media.seat import Bots, Seat
from gateway.media.states import Event, State, next_state
from gateway.media.whole import RemoteConnection
from gateway.rtc import stock
from gateway.rtc.codec import OpusSettings
from gateway.rtc.connection import MediaConnection, MediaFigures
from gateway.settings import OfDevice, Settings
from gateway.wire import messages, sdp, sdp_plain, talk
from gateway.wire.calls import (
    Answer,
    AnswerCall,
    BotJob,
    CommandCall,
    EventKind,
    HushCall,
    KeptCall,
    OfferCall,
    PatchCall,
    RenegotiateCall,
    SayCall,
    SessionEvent,
)
from gateway.wire.frames import FrameError
from gateway.wire.sdp import Client

STATUS_SECONDS = 1.0
END_SECONDS = 5.0
"""How long a connection may take to close."""


class Session:
    """A call from its offer to its end, owned by the process it lives in.

    Args:
        call: the offer and who made it.
        settings: the gateway's.
        emit: is given everything that the front process should know.
        bots: begins the bot.
        whole: the bots that want the whole connection in their process, as far as they have shown it yet.
    """

    def __init__(
        self,
        call: OfferCall,
        settings: Settings,
        emit: Callable[[SessionEvent], None],
        bots: Bots,
        whole: set[str] | None = None,
    ) -> None:
        self.call = call
        self.id = call.session_id
        self.state = State.NEGOTIATING
        self.started_at = time.time()
        self.reason: str | None = None
        self._since = time.monotonic()
        self._settings = settings
        self._emit = emit
        self._bots = bots
        self._media: MediaFigures | None = None
        self._log = logger.bind(session=self.id)
        self._wholes = set() if whole is None else whole
        self._whole = call.bot in self._wholes or (call.client is Client.BROWSER and sdp.has_video(call.sdp))
        self._dtx = settings.audio.dtx and sdp.prefers_dtx(call.sdp)
        self._connection = self._make_connection()
        self._has = _has(call.request_data)
        self._reports = DeviceReports(self._connection.send_app_message, self._report_device, self.id)
        self._announcing = Announcing(
            self._connection.say,
            self._connection.hush,
            self._tell_device,
            speak=self._speak,
            ended=self._said_all,
            session_id=self.id,
        )
        self._seat: Seat | None = None
        self._client_ready: talk.App | None = None
        self._watch: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._negotiation = asyncio.Lock()
        self._stirred = asyncio.Event()
        self._failed = False
        self._connection.add_event_handler("app-message", self._take_message)
        self._connection.add_event_handler("track-status", self._take_track)
        for state in get_args(talk.StateName):
            self._connection.add_event_handler(state, self._moved(state))

    def _moved(self, state: talk.StateName) -> Callable[[object], None]:
        def moved(_connection: object) -> None:
            self._failed = self._failed or state == "failed"
            self._stirred.set()
            if not self._whole:
                self._tell_bot(talk.State(state=state, pc_id=self.pc_id))

        return moved

    async def _take_message(self, connection: object, message: Any) -> None:
        if self.call.client is Client.DEVICE:
            await self._reports.take(connection, message)
        told = talk.App(message=message)
        if isinstance(message, dict) and message.get("type") == "client-ready":
            self._client_ready = told
        self._tell_bot(told)

    async def _take_track(self, _connection: object, index: int, enabled: bool) -> None:
        self._tell_bot(talk.Track(index=index, enabled=enabled))

    def _tell_bot(self, told: talk.Told) -> None:
        if self._seat is not None:
            self._seat.tell(told)

    def _make_connection(self) -> MediaConnection | RemoteConnection:
        if self._whole:
            return RemoteConnection(self._addresses(), self._settings.limits.offer_timeout_s)
        audio = self._settings.audio
        return MediaConnection(
            addresses=self._addresses(),
            small=self.call.client is Client.DEVICE,
            opus=OpusSettings(audio.bitrate, audio.complexity, audio.fec, send_silence=not self._dtx),
            hear=lambda pcm: self._seat.heard(pcm) if self._seat is not None else None,
            on_audio=lambda: self._tell_bot(talk.Sounded(at=time.monotonic())),
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

    async def start(self) -> Answer:
        """Answer the offer and begin the bot; returns once the answer is there, whatever the bot does.

        Raises:
            BadOffer: the offer cannot be answered.
            ConfigError: the bot can't be begun.
            Busy: the call was ended meanwhile.
        """
        try:
            self._bots.check(self.call.bot)
            self._seat = self._take_seat()
            self._seat.task.add_done_callback(lambda _: self._stirred.set())
            if isinstance(self._connection, RemoteConnection):
                self._connection.seat = self._seat
            async with self._negotiating():
                await self._connection.initialize(sdp_plain.spelt_out(self.call.sdp), self.call.type)
            answer = self._answer(self.call.sdp)
            await self._connection.connect()
            await asyncio.sleep(0)  # where nobody waits any more, that is raised here and not after the end
        except BaseException:
            await self.close("failed")
            raise
        self._advance(Event.ANSWERED)
        self._watch = asyncio.create_task(self._follow(), name=f"watch-{self.id}")
        return answer

    def _take_seat(self) -> Seat:
        self._log.info(
            "{} at {}: bot {}", self.call.device or self.call.client, self.call.remote, self.call.bot
        )
        return Seat(
            self._bots,
            BotJob(
                session_id=self.id,
                bot=self.call.bot,
                body=self.call.request_data,
                own=self._own(),
                device=self.call.device,
                pc_id=self.pc_id,
                whole=self._whole,
            ),
            self,
            replace=self.call.client is Client.DEVICE,
            limits=self._settings.bot_limits,
        )

    # -- what the bot says

    def said(self, pcm: bytes, rate: int) -> None:
        """Say the bot's sound, unless something else is being said, which it would be laid over."""
        if self._announcing.speaks:
            return
        self._announcing.bot_spoke()
        self._connection.say(pcm, rate)

    def clear(self) -> None:
        """The bot was interrupted."""
        if not self._announcing.speaks:
            self._connection.hush()

    def told(self, told: talk.FromBot) -> None:
        """Pass on what the bot tells."""
        match told:
            case talk.Answered() | talk.Media() | talk.State():
                if not isinstance(self._connection, RemoteConnection):
                    raise FrameError("a bot without the whole connection tells of it")
                self._connection.take(told)
            case talk.App():
                self._connection.send_app_message(told.message)
            case talk.Ask():
                asked = {"device": self.call.device, **told.model_dump(exclude={"t"})}
                self._emit_event("ask", asked)
            case talk.Transcript():
                if told.who == "user" and told.final and self._announcing.rings and means_stop(told.text):
                    self._announcing.stop_ringing()
                who = {"session": self.id, "device": self.call.device, "bot": self.call.bot}
                self._emit_event("transcript", {**who, **told.model_dump(exclude={"t"})})
            case talk.Turn():
                self._emit_event("turn", {"session": self.id, **told.model_dump(exclude={"t"})})
            case talk.Whole():
                self._wholes.add(self.call.bot)
                self._stirred.set()
            case talk.Ready():
                self._log.debug("the bot is ready")

    def greet(self) -> list[talk.Told]:
        """What a new bot has to know first."""
        told: list[talk.Told] = []
        if self._connection.connected and not self._whole:
            told.append(talk.State(state="connected", pc_id=self.pc_id))
            if self._client_ready is not None:
                told.append(self._client_ready)
        return told

    def bot_failed(self, detail: str) -> None:
        """Tell the client that it has no bot for now, unless its call is ending."""
        if self._closing is not None:
            return
        self._connection.send_app_message(_error("bot_failed", fatal=False))
        data = {"kind": "bot_failed", "data": {"bot": self.call.bot, "text": detail[: messages.MAX_TEXT]}}
        self._emit_event(
            "report", {"session": self.id, "device": self.call.device, "at": time.time(), **data}
        )

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
            bitrate = self._settings.audio.bitrate
            text = sdp.device_answer(text, self.call.address, bitrate=bitrate, dtx=self._dtx, offer=offer)
            return Answer(sdp=text, type=str(found["type"]), pc_id=self.pc_id)
        text = sdp_plain.refused(text, offer)
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
            await self._connection.renegotiate(sdp_plain.spelt_out(call.sdp), call.type, call.restart_pc)
            return self._answer(call.sdp)

    async def patch(self, call: PatchCall) -> None:
        """Add trickled candidates."""
        await self._connection.add_candidates(
            [(c.candidate, c.sdp_mid, c.sdp_mline_index) for c in call.candidates]
        )

    def command(self, call: CommandCall) -> None:
        """Send a command to the device; it answers with a report."""
        self._connection.send_app_message(messages.command(call.command, call.value, call.id))

    # -- what is said beside the bot

    def say(self, call: SayCall) -> None:
        """Say this, before anything that the bot says."""
        if self._whole:
            self._said_all(call.number, "failed", "a call with video has its sound in its bot's process")
        else:
            self._announcing.put(call)

    def hush(self, call: HushCall) -> None:
        """Say no more of it."""
        self._announcing.stop(call.number)

    def answer(self, call: AnswerCall) -> None:
        """Tell the bot what became of its question."""
        self._tell_bot(talk.Done(id=call.id, ok=call.ok, result=call.result))

    async def _speak(self, text: str) -> tuple[bytes, int]:
        own = self._settings.devices.get(self.call.device or "", OfDevice())
        spoken = await voice.spoken(text, own.tts(self._settings.tts), self._log.debug)
        who = {"session": self.id, "device": self.call.device, "bot": self.call.bot}
        said = {"at": time.time(), "who": "bot", "text": text, "final": True}
        self._emit_event("transcript", {**who, **said})
        return spoken

    def _said_all(self, number: int, how: str, why: str = "") -> None:
        self._emit_event("said", {"device": self.call.device, "number": number, "how": how, "why": why})

    def _tell_device(self, message: dict[str, Any]) -> None:
        if self.call.client is Client.DEVICE:
            self._connection.send_app_message(message)

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
        await self._announcing.close()
        self._tell(reason)
        await self._connection.told()
        try:
            await asyncio.wait_for(self._connection.disconnect(), END_SECONDS)
        except (TimeoutError, ConnectionError, MediaStreamError) as error:
            self._log.warning("connection did not close cleanly: {!r}", error)
        if self._seat is not None:
            await self._seat.end()
        self._advance(Event.CLOSED)
        self._emit(SessionEvent(kind="ended", session_id=self.id, data={"reason": reason}))
        self._log.info("session ended: {}", reason)

    def _tell(self, reason: str) -> None:
        """Say why the call ends, as an RTVI error, where the client did not end it."""
        if reason in {"client_left", "vanished"}:
            return
        self._connection.send_app_message(_error(reason, fatal=True))

    def _own(self) -> dict[str, Any]:
        return {
            "session_id": self.id,
            "device": self.call.device,
            "settings": self._settings.model_dump(mode="json"),
        }

    async def _follow(self) -> None:
        try:
            self.end(await self._run_watch())
        except Exception:  # noqa: BLE001 -- without its watch a call would never end
            self._log.exception("the call cannot be followed")
            self.end("failed")

    async def _run_watch(self) -> str:
        """Follow the call until it ends by itself: the client leaves or vanishes, the bot ends or dies."""
        packets, heard_at = -1, time.monotonic()
        while True:
            now = time.monotonic()
            if (count := self._connection.packets_received()) != packets or self.state is not State.LIVE:
                packets, heard_at = count, now
            if self._connection.connected and self.state is State.CONNECTING:
                self._advance(Event.CONNECTED)
            over = self._live_over(now - heard_at) if self.state is State.LIVE else self._connecting_over(now)
            if over is not None:
                return over
            self._media = await self._connection.figures()
            self._report()
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), STATUS_SECONDS)

    def _live_over(self, silent: float) -> str | None:
        """Why a live call is over by itself, if it is."""
        if self._seat is not None and self._seat.hung_up:
            return "bot_ended"  # where it has the whole connection, that is closed by now
        if not self._connection.connected and not self._restarting():
            return "client_left"
        if silent > self._settings.limits.vanish_timeout_s:
            return "vanished"
        if self._seat is not None and self._seat.task.done():
            return self._seat.task.result()
        if not self._whole and self.call.bot in self._wholes:
            return "bot_failed"  # its next call has what it wants, and a device makes that by itself
        return None

    def _connecting_over(self, now: float) -> str | None:
        if self._failed:
            self._log.warning("it did not connect: {}", self._connection.why_failed())
            return "connect_failed"
        return "connect_timeout" if now - self._since > self._settings.limits.connect_timeout_s else None

    def _restarting(self) -> bool:
        return self._connection.restarting()

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
            "has": self._has,
            "tools": list(self._reports.tools.values()),
        }

    def kept(self) -> KeptCall:
        """This call, for a front that knows nothing of it."""
        return KeptCall(
            session_id=self.id,
            pc_id=self.pc_id,
            device=self.call.device,
            owner=self.call.owner,
            described=self.describe(),
        )

    def _report(self) -> None:
        self._emit_event("session", self.describe())

    def _report_device(self, report: messages.Report) -> None:
        if report.kind == "alert":
            self._announcing.stop_ringing()
        who = {"session": self.id, "device": self.call.device, "at": time.time()}
        self._emit_event("report", {**who, "kind": report.kind, "data": report.data})

    def _emit_event(self, kind: EventKind, data: dict[str, Any]) -> None:
        self._emit(SessionEvent(kind=kind, session_id=self.id, data=data))


def _has(request_data: Any) -> list[str] | None:
    """The parts that a device says it has (docs/protocol.md); `None` where it does not say."""
    device = request_data.get("device") if isinstance(request_data, dict) else None
    has = device.get("has") if isinstance(device, dict) else None
    return has[:64].split() if isinstance(has, str) else None


def _error(reason: str, *, fatal: bool) -> dict[str, Any]:
    """An error as RTVI has it."""
    data = {"message": reason, "error": reason, "fatal": fatal}
    return {"label": "rtvi-ai", "type": "error", "data": data}
