"""A call's connection as its bot has it: the interface of Pipecat's, over the pair that leads to the call's media."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NoReturn

from aiortc.mediastreams import MediaStreamTrack
from loguru import logger
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import RawAudioTrack

from gateway.bot import stock
from gateway.bot.track import HeardTrack
from gateway.errors import GatewayError
from gateway.wire import talk
from gateway.wire.frames import MAX_SOUND, Frame, FrameError, Kind
from gateway.wire.pair import Pair

AHEAD_SECONDS: Final = 0.06
"""How far what is said may be ahead of its time: what a bot may be late by, and nobody hears it."""


class NotHere(GatewayError):
    """A bot asked for what only a whole peer connection in its own process has."""


class BotConnection(SmallWebRTCConnection):
    """What `runner_args.webrtc_connection` is: its peer connection is in another process.

    Args:
        pc_id: of the connection.
    """

    def __init__(self, pc_id: str) -> None:
        self._given_id = pc_id
        self._pair: Pair | None = None
        self._state = "new"
        self._unread: list[Any] = []
        self._events: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self._said_until = 0.0
        self._loop = asyncio.get_running_loop()
        self._at_once: asyncio.Future[bool] = self._loop.create_future()
        self._at_once.set_result(True)
        self.heard: HeardTrack | None = None
        self._may_rest = False
        super().__init__()

    def _initialize(self) -> None:
        """Where Pipecat's makes a peer connection."""
        self._pc_id = self._given_id
        self._answer = None
        self._pc = None  # type: ignore[assignment]
        self._renegotiation_in_progress = False
        self._renegotiation_task = None  # type: ignore[assignment]

    @property
    def pc(self) -> NoReturn:
        """There is none here.

        Raises:
            NotHere: always. The next call of this bot has its connection in the bot's process.
        """
        self._tell(talk.Whole())
        raise NotHere(
            "this bot uses the peer connection itself, which is in another process",
            remedy="call again: from now on its calls have their whole connection in its own process",
        )

    # -- what the media say

    def attach(self, pair: Pair) -> None:
        """Speak over this pair from now on."""
        self._pair = pair

    def take(self, frame: Frame) -> None:
        """Take a frame of the media's."""
        match frame.kind:
            case Kind.HEARD:
                self._track().put(frame.body)
            case Kind.SILENCE:
                self._track().silence()
            case Kind.HOLD:
                self._track().hold()
            case Kind.MESSAGE:
                self._told(talk.to_bot(frame.message()))
            case _:
                raise FrameError(f"a bot is sent no {frame.kind.name}")

    def _told(self, told: talk.ToBot) -> None:
        match told:
            case talk.State():
                self._move(told)
            case talk.App():
                self._events.put_nowait(("app-message", told.message))
            case talk.Track():
                self._events.put_nowait(("track-status", told.index, told.enabled))
            case _:
                raise FrameError(f"no {told.t} is for this connection")

    def _move(self, told: talk.State) -> None:
        if told.pc_id != self._pc_id:  # restarted: a new connection for the same client
            self._pc_id = told.pc_id
            self._stop_hearing()
        if told.state != self._state:
            self._state = told.state
            if told.state in {"closed", "failed"}:
                self._stop_hearing()
            self._events.put_nowait((told.state,))

    async def serve(self) -> None:
        """Hand events to the bot, one after the other, until cancelled."""
        while True:
            name, *arguments = await self._events.get()
            if name == "app-message" and not self.is_connected():
                self._unread.append(*arguments)
            elif self._connect_invoked or name == "track-status":
                await self._call_event_handler(name, *arguments)

    def lose(self) -> None:
        """The media are gone: for the bot, the client is."""
        self._pair = None
        self._stop_hearing()
        if self._state != "closed":
            self._state = "closed"
            self._events.put_nowait(("closed",))

    def rest_in_silence(self, *, allowed: bool) -> None:
        """Whether the bot need not hear long silence, from now on."""
        self._may_rest = allowed
        if self.heard is not None:
            self.heard.may_rest = allowed

    def _track(self) -> HeardTrack:
        if self.heard is None or self.heard.readyState != "live":
            self.heard = HeardTrack(may_rest=self._may_rest)
        return self.heard

    def _stop_hearing(self) -> None:
        if self.heard is not None:
            self.heard.stop()
        self.heard = None

    # -- what the bot asks for: Pipecat's interface

    async def connect(self) -> None:
        """Called by the bot's transport once its pipeline is set up."""
        first = not self._connect_invoked
        self._connect_invoked = True
        if first:
            self._tell(talk.Ready())
        if self.is_connected():
            await self._call_event_handler("connected")
            unread, self._unread = self._unread, []
            for message in unread:
                await self._call_event_handler("app-message", message)
        elif first and self._state in {"closed", "failed"}:
            await self._call_event_handler("closed")

    def is_connected(self) -> bool:
        """Whether the bot asked for the connection, and it is up."""
        return bool(self._connect_invoked) and self._state == "connected"

    def audio_input_track(self) -> HeardTrack:
        """What the client says."""
        return self._track()

    def video_input_track(self) -> None:
        """None: a call with video has its whole connection in the bot's process."""

    def screen_video_input_track(self) -> None:
        """None, likewise."""

    def replace_audio_track(self, track: MediaStreamTrack) -> None:
        """Say what comes from this track."""
        if not isinstance(track, RawAudioTrack):
            raise TypeError(f"a bot speaks through Pipecat's transport, not through a {type(track).__name__}")
        stock.divert(track, self._say)

    def replace_video_track(self, _track: MediaStreamTrack) -> None:
        """Nobody would see it."""
        logger.warning("a video track is of no use in a call without video")

    def send_app_message(self, message: Any) -> None:
        """Send a message over the client's data channel, once that is open."""
        if self._pair is not None and self._pair.is_full:
            logger.warning("a message was left out: its client does not take those before it")
            return
        try:
            self._tell(talk.App(message=message))
        except FrameError as error:
            logger.warning("a message was left out: {}", error)

    async def disconnect(self) -> None:
        """End the call."""
        if self._state != "closed":
            self._tell(talk.HangUp())
            self._state = "closed"
            self._stop_hearing()
            await self._call_event_handler("closed")

    def _tell(self, told: talk.Told) -> None:
        if self._pair is not None:
            self._pair.message(told.model_dump(mode="json"))

    def has_room(self, seconds: float) -> bool:
        """Whether so much more can be said without waiting."""
        return max(0.0, self._said_until - self._loop.time()) + seconds <= AHEAD_SECONDS

    def _say(self, pcm: bytes, rate: int) -> asyncio.Future[bool]:
        """Send PCM on its way; the future is done when it is time for more (by `AHEAD_SECONDS` early)."""
        now = self._loop.time()
        self._said_until = max(now, self._said_until) + len(pcm) / 2 / rate
        if self._pair is not None:
            for start in range(0, len(pcm), MAX_SOUND):
                self._pair.sound(Kind.SAID, pcm[start : start + MAX_SOUND], rate)
        wait = self._said_until - now - AHEAD_SECONDS
        if wait <= 0:
            return self._at_once
        future: asyncio.Future[bool] = self._loop.create_future()
        future.add_done_callback(self._clear_if_cancelled)
        self._loop.call_later(wait, _settle, future)
        return future

    def _clear_if_cancelled(self, future: asyncio.Future[bool]) -> None:
        """Barge-in: Pipecat cancels the task that waits for what it wrote, and nothing of that is said any more."""
        if future.cancelled() and self._pair is not None:
            self._said_until = 0.0
            self._pair.signal(Kind.CLEAR)


def _settle(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(True)
