"""What passes between a call's client and its bot: sound, messages and states, and what the bot tells of its turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from loguru import logger

from gateway.errors import BadRequest, Busy, GatewayError
from gateway.media import speex, voice
from gateway.media.announcing import Announcing, means_stop
from gateway.media.attention import Attention
from gateway.media.ear import Around, Ear, OpenEar
from gateway.media.ears import Ears
from gateway.media.echo import Echo
from gateway.media.reports import DeviceReports
from gateway.media.seat import Bots, Seat
from gateway.media.waiting import Waiting
from gateway.media.whole import RemoteConnection
from gateway.rate import Buckets
from gateway.rtc import stock
from gateway.rtc.codec import OpusSettings
from gateway.rtc.connection import MediaConnection
from gateway.rtc.pacer import Outgoing
from gateway.rtc.playout import Heard
from gateway.sections import OfDevice
from gateway.settings import Settings
from gateway.wire import messages, plain, sdp, talk
from gateway.wire.calls import AnswerCall, BotJob, EventKind, OfferCall, SayCall, SessionEvent
from gateway.wire.frames import FrameError
from gateway.wire.sdp import Client

ASKS_AT_ONCE: Final = 32
ASKS_A_SECOND: Final = 10
"""That a bot may ask its gateway for things; a model calls a tool now and then."""
_REPEATS: Final = "echo"
"""The bot that says what it hears: by that alone nobody could tell who speaks from what is played."""


class Exchange:
    """Joins a client's connection and the seat of its bot.

    Args:
        call: the offer and who made it.
        settings: the gateway's.
        emit: is given everything that the front process should know.
        ears: say what of the client the bot hears.
        wholes: the bots that want the whole connection in their process, as far as they have shown it yet.
        stir: called when the call should be looked at.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- what its process has for a call
        self,
        call: OfferCall,
        settings: Settings,
        emit: Callable[[SessionEvent], None],
        ears: Ears,
        wholes: set[str],
        stir: Callable[[], None],
    ) -> None:
        self._call = call
        self._settings = settings
        self._emit = emit
        self._wholes = wholes
        self._stir = stir
        self._client_ready: talk.App | None = None
        self._over = self._asked_for_whole = False
        self._asks = Buckets(ASKS_AT_ONCE, ASKS_A_SECOND)
        self._log = logger.bind(session=call.session_id)
        self.whole = call.bot in wholes or (call.client is Client.BROWSER and sdp.has_video(call.sdp))
        self.dtx = settings.audio.dtx and sdp.prefers_dtx(call.sdp)
        self.seat: Seat | None = None
        self.connection = self._make_connection()
        self._waiting = Waiting(self._tell_device)
        self._ear = self._make_ear(ears)
        self._echo = self._make_echo()
        self.announcing = Announcing(
            self.connection.say,
            self.connection.hush,
            self._tell_device,
            speak=self._speak,
            ended=self._said_all,
            session_id=call.session_id,
        )
        self.reports = DeviceReports(self.connection.send_app_message, self._report_device, call.session_id)
        self.connection.add_event_handler("app-message", self._take_message)
        self.connection.add_event_handler("track-status", self._take_track)

    def _make_connection(self) -> MediaConnection | RemoteConnection:
        if self.whole:
            return RemoteConnection(self._addresses(), self._settings.limits.offer_timeout_s)
        audio = self._settings.audio
        small = self._call.client is Client.DEVICE
        return MediaConnection(
            addresses=self._addresses(),
            ice_servers=() if small else self._settings.ice_servers,  # a device takes one candidate
            small=small,
            opus=OpusSettings(audio.bitrate, audio.complexity, audio.fec, send_silence=not self.dtx),
            hear=self._hear,
            listens=self._listens,
            on_audio=lambda: self._tell_bot(talk.Sounded(at=time.monotonic())),
            sent=self._sent,
        )

    def _make_ear(self, ears: Ears) -> Ear:
        connection = self.connection
        if self._call.client is not Client.DEVICE or not isinstance(connection, MediaConnection):
            return OpenEar(self._hand_on)
        around = Around(
            self._hand_on,
            self._rest,
            speaks=lambda: connection.speaks,
            rings=lambda: self.announcing.rings,
            hush=connection.hush,
            tell=self._tell_attention,
        )
        return ears.of(self._call.device, around)

    def _make_echo(self) -> Echo:
        """Where the device has no canceller of its own, and its bot says more than it hears."""
        wanted = self._settings.audio.echo == "cancel" and "echo_canceller" not in (self._call.parts or ())
        wanted = wanted and self._call.bot != _REPEATS
        if self._call.client is not Client.DEVICE or self.whole or not wanted or not speex.available():
            return Echo(None)
        return Echo(speex.Speex())

    def _sent(self, packet: Outgoing, opus: bytes) -> None:
        self._echo.sent(opus, packet.timestamp, silent=packet.silent)
        if not packet.silent:
            self._ear.said(packet.pcm)

    def _hear(self, heard: Heard) -> None:
        self._ear.hear(self._echo.hear(heard))

    def _listens(self) -> bool:
        """Somebody may be speaking, or the device hears its own speaker."""
        connection = self.connection
        speaks = isinstance(connection, MediaConnection) and connection.speaks
        return speaks or (self._ear.listens and (self.seat is None or self.seat.listens))

    def _hand_on(self, pcm: bytes) -> None:
        if self.seat is not None:
            self.seat.heard(pcm)

    def _rest(self) -> None:
        if self.seat is not None:
            self.seat.rest()

    def _tell_attention(self, attention: Attention, by: str | None) -> None:
        """Tell the device, which shows it, and the bot. Who calls a device that rings has heard it."""
        if by is not None:
            self.announcing.stop_ringing()
        self._log.debug("the device is {}{}", attention, f": {by}" if by else "")
        self.connection.send_app_message(messages.attention(attention))
        self._tell_bot(talk.App(message=messages.attention_told(attention, by)))

    def _addresses(self) -> list[str]:
        """For a device the one it reached us by; for a browser all, and loopback if the page was opened on it."""
        if self._call.client is Client.DEVICE:
            return [self._call.address]
        found = stock.host_addresses()
        return found if self._call.address in found else [self._call.address, *found]

    def move(self, call: OfferCall) -> None:
        """The client goes on over a new connection, perhaps by another address."""
        self._call = call
        self.connection.addresses = self._addresses()

    def begin(self, bots: Bots) -> None:
        """Have the bot begun."""
        call = self._call
        self._log.info("{} at {}: bot {}", call.device or call.client, call.remote, call.bot)
        self.seat = Seat(
            bots,
            BotJob(
                session_id=call.session_id,
                bot=call.bot,
                body=call.request_data,
                own=self._own(),
                device=call.device,
                pc_id=self.connection.pc_id,
                whole=self.whole,
            ),
            self,
            replace=call.client is Client.DEVICE,
            limits=self._settings.bot_limits,
        )
        self.seat.task.add_done_callback(lambda _: self._stir())
        if isinstance(self.connection, RemoteConnection):
            self.connection.seat = self.seat

    def _own(self) -> dict[str, Any]:
        return {
            "session_id": self._call.session_id,
            "device": self._call.device,
            "settings": self._settings.model_dump(mode="json"),
        }

    async def end(self) -> None:
        """See the bot end, the connection being closed."""
        self._ear.close()
        self._echo.close()
        if self.seat is None:
            return
        if not self.whole:  # it may not have heard of it: see Session
            self._tell_bot(talk.State(state="closed", pc_id=self.connection.pc_id))
        await self.seat.end()

    # -- what the client says

    def moved(self, state: talk.StateName) -> None:
        """Tell the bot of the connection's state, and the device of its attention."""
        if state == "connected":
            self._introduce()
            self._waiting.client_came()
        if not self.whole:
            self._tell_bot(talk.State(state=state, pc_id=self.connection.pc_id))

    def _introduce(self) -> None:
        """Tell a device what it has to know first."""
        if self._echo.works:
            self.connection.send_app_message(messages.echo("cancelled"))
        if self._ear.attention is not None:
            self.connection.send_app_message(messages.attention(self._ear.attention))

    async def _take_message(self, connection: object, message: Any) -> None:
        """The edge at which what a client says comes in: beyond it, all can be written as JSON again."""
        if (why := plain.fault(message)) is not None:
            self._log.debug("a message of the client's was left out: {}", why)
            return
        if self._call.client is Client.DEVICE:
            await self.reports.take(connection, message)
        told = talk.App(message=message)
        if isinstance(message, dict) and message.get("type") == "client-ready":
            self._client_ready = told
        self._tell_bot(told)

    async def _take_track(self, _connection: object, index: int, enabled: bool) -> None:
        self._tell_bot(talk.Track(index=index, enabled=enabled))

    def _tell_bot(self, told: talk.Told) -> None:
        if self.seat is not None:
            self.seat.tell(told)

    # -- what the bot says

    def said(self, pcm: bytes, rate: int) -> None:
        """Say the bot's sound, unless something else is being said, which it would be laid over."""
        if self.announcing.speaks or not self._ear.may_say():
            return
        self.announcing.bot_spoke()
        self.connection.say(pcm, rate)

    def clear(self) -> None:
        """The bot was interrupted."""
        self._ear.cleared()
        if not self.announcing.speaks:
            self.connection.hush()

    def told(self, told: talk.FromBot) -> None:
        """Pass on what the bot tells."""
        match told:
            case talk.Answered() | talk.Media() | talk.State():
                if not isinstance(self.connection, RemoteConnection):
                    raise FrameError("a bot without the whole connection tells of it")
                self.connection.take(told)
            case talk.App():
                self.tell(told.message)
            case talk.Transcript():
                self._told_words(told)
            case talk.Ask() if (refusal := self._refusal(told)) is not None:
                why = {"code": refusal.code, "message": refusal.message, "remedy": refusal.remedy}
                self._tell_bot(talk.Done(id=told.id, ok=False, result=why))
            case talk.Ask() | talk.Turn() | talk.Measures() | talk.Tool():
                who = {"session": self._call.session_id, "device": self._call.device}
                self.emit(told.t, {**who, **told.model_dump(exclude={"t"})})
            case talk.Whole():
                self._wholes.add(self._call.bot)
                self._asked_for_whole = True
                self._stir()
            case talk.Ready():
                self._log.debug("the bot is ready")
                self._waiting.bot_came()

    def _refusal(self, asked: talk.Ask) -> GatewayError | None:
        """Why the front is not asked this: it has all calls to do for."""
        if self._asks.take(None) > 0:
            return Busy("this bot asks for too much at once", remedy="ask less often")
        why = asked.fault()
        return None if why is None else BadRequest(f"its arguments: {why}")

    def _told_words(self, told: talk.Transcript) -> None:
        if told.who == "user" and told.final and self.announcing.rings and means_stop(told.text):
            self.announcing.stop_ringing()
        who = {"session": self._call.session_id, "device": self._call.device, "bot": self._call.bot}
        self.emit("transcript", {**who, **told.model_dump(exclude={"t"})})

    def greet(self) -> list[talk.Told]:
        """What a new bot has to know first."""
        told: list[talk.Told] = []
        if self.connection.connected and not self.whole:
            told.append(talk.State(state="connected", pc_id=self.connection.pc_id))
            if self._client_ready is not None:
                told.append(self._client_ready)
            if self._ear.attention is not None:
                told.append(talk.App(message=messages.attention_told(self._ear.attention, None)))
        return told

    @property
    def unsuited(self) -> bool:
        """Whether this call's bot has asked for the whole connection, and has it not."""
        return self._asked_for_whole and not self.whole

    def bot_failed(self, detail: str) -> None:
        """Tell the client that it has no bot for now, unless its call is ending."""
        if self._over:
            return
        self.tell_client("bot_failed", fatal=False)
        self._waiting.bot_left()
        data = {"kind": "bot_failed", "data": {"bot": self._call.bot, "text": detail[: messages.MAX_TEXT]}}
        self._report(data)

    # -- what is said beside the bot

    def say(self, call: SayCall) -> None:
        """Say this, before anything that the bot says."""
        if self.whole:
            self._said_all(call.number, "failed", "a call with video has its sound in its bot's process")
        else:
            self.announcing.put(call)

    def wake(self) -> None:
        """Have the bot hear what its device hears, as after its button."""
        self._ear.call("operator")

    def answer(self, call: AnswerCall) -> None:
        """Tell the bot what became of its question."""
        self._tell_bot(talk.Done(id=call.id, ok=call.ok, result=call.result))

    async def _speak(self, text: str) -> tuple[bytes, int]:
        own = self._settings.devices.get(self._call.device or "", OfDevice())
        spoken = await voice.spoken(text, own.tts(self._settings.tts), self._log.debug)
        who = {"session": self._call.session_id, "device": self._call.device, "bot": self._call.bot}
        self.emit("transcript", {**who, "at": time.time(), "who": "bot", "text": text, "final": True})
        return spoken

    def _said_all(self, number: int, how: str, why: str = "") -> None:
        self.emit("said", {"device": self._call.device, "number": number, "how": how, "why": why})

    def _tell_device(self, message: dict[str, Any]) -> None:
        if self._call.client is Client.DEVICE:
            self.tell(message)

    def tell(self, message: Any) -> None:
        """Tell the client something."""
        if messages.changes_loudness(message):
            self._echo.forget()
        self.connection.send_app_message(message)

    # -- what others are told

    def over(self, reason: str) -> None:
        """The call ends; say why, where the client did not end it. To a browser a bot that is done is no error."""
        self._over = True
        self._waiting.close()
        is_done = reason == "bot_ended" and self._call.client is not Client.DEVICE
        if reason not in {"client_left", "vanished"} and not is_done:
            self.tell_client(reason, fatal=True)

    def tell_client(self, reason: str, *, fatal: bool) -> None:
        """Tell of trouble, as an error of RTVI."""
        data = {"message": reason, "error": reason, "fatal": fatal}
        self.connection.send_app_message({"label": "rtvi-ai", "type": "error", "data": data})

    def _report_device(self, report: messages.Report) -> None:
        if report.kind == "alert":
            self.announcing.stop_ringing()
        if report.kind == "button":
            if report.data.get("down") is True:
                self.announcing.stop_ringing()
                self._ear.call("button")
            return
        self._report({"kind": report.kind, "data": report.data})

    def _report(self, data: dict[str, Any]) -> None:
        who = {"session": self._call.session_id, "device": self._call.device, "at": time.time()}
        self.emit("report", {**who, **data})

    def emit(self, kind: EventKind, data: dict[str, Any]) -> None:
        """Tell the front process of something."""
        self._emit(SessionEvent(kind=kind, session_id=self._call.session_id, data=data))
