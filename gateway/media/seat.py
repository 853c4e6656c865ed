"""The bot of one call as the media have it: begun, listened to, told, ended, and replaced where it fails."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from typing import Any, Final, Protocol

from loguru import logger

from gateway.errors import GatewayError
from gateway.media.gate import Gate
from gateway.rtc.codec import SAMPLE_RATE
from gateway.sections import BotLimits
from gateway.wire import talk
from gateway.wire.calls import BotJob, Exit
from gateway.wire.frames import Frame, FrameError, Kind
from gateway.wire.pair import GONE, Pair

AGAIN_SECONDS: Final = (0.0, 1.0, 5.0, 15.0)
"""Before a bot is begun again in the same call, by how many failed in a row."""
WELL_SECONDS: Final = 60.0
"""How long a bot has to live for its failure to count as a first one."""
LOOK_SECONDS: Final = 2.0
"""How often it is looked whether a bot's event loop runs; it tells each second."""
BYTES_A_SECOND: Final = 2 << 20
"""That a bot may send: sound in real time is at most a tenth of it. More has to wait, so that no other call does."""
AFTER: Final = 200
"""Frames after the last loud one that a bot hears: four seconds, as the longest wait for the end of a turn (3 s by
Pipecat's smart-turn) must be over before anything is held back."""
KEPT_MESSAGES: Final = 50
"""Messages of the client that wait for a bot that is not there yet; of more the oldest are dropped."""
KEPT_SOUND: Final = 500
"""Frames (ten seconds) of what the client says that wait likewise."""


class Bot(Protocol):
    """One bot at work, wherever."""

    sock: socket.socket
    ended: asyncio.Future[Exit]

    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class Bots(Protocol):
    """Begins bots."""

    def check(self, bot: str) -> None: ...
    async def begin(self, job: BotJob) -> Bot: ...


class Sink(Protocol):
    """What a bot's call does with what comes from it."""

    def said(self, pcm: bytes, rate: int) -> None: ...
    def clear(self) -> None: ...
    def told(self, told: talk.FromBot) -> None: ...
    def bot_failed(self, detail: str) -> None: ...
    def greet(self) -> list[talk.Told]: ...


class Seat:
    """Holds a bot in its call.

    Args:
        bots: begins it.
        job: what it is to do.
        sink: the call.
        replace: whether another takes the place of one that fails.
        limits: how long a bot may take to start, and to end.
        first: messages of the client, of those that wait for the bot, that are never dropped.
    """

    def __init__(  # noqa: PLR0913 -- what a call knows of its bot
        self, bots: Bots, job: BotJob, sink: Sink, *, replace: bool, limits: BotLimits, first: int = 0
    ) -> None:
        self._bots = bots
        self._job = job
        self._sink = sink
        self._replace = replace
        self._start_seconds = limits.start_s
        self._end_seconds = limits.end_s
        self._bot: Bot | None = None
        self._pair: Pair | None = None
        self._kept: list[talk.Told] = []
        self._first = first
        self._unheard: deque[bytes] = deque(maxlen=KEPT_SOUND)
        self._ready = asyncio.Event()
        self._hung_up = asyncio.Event()
        self._silence_seconds = limits.silence_s
        self._gate = Gate(AFTER)
        self._silent = False
        self._alive = False
        self._fault: str | None = None
        self._log = logger.bind(session=job.session_id)
        self.task = asyncio.create_task(self._hold(), name=f"seat-{job.session_id}")
        """Ends with the reason for which the call should end: `bot_ended` or `bot_failed`."""

    @property
    def hung_up(self) -> bool:
        """Whether the bot has ended the call."""
        return self._hung_up.is_set()

    # -- what the client says

    @property
    def listens(self) -> bool:
        """Whether silence matters to it just now: somebody may be speaking still, or again."""
        return not (self._silent and self._gate.shut)

    def heard(self, pcm: bytes) -> None:
        """20 ms of the client's, to the bot; silence is told once. Without a bot it waits for the next.

        No time is given twice: of what the gate holds back no silence is made, for as long as it does.
        """
        frames = self._gate.take(pcm)
        if self._pair is None:
            self._unheard.extend(frames)
            return
        for frame in frames:
            self._silent = False
            self._pair.sound(Kind.HEARD, frame, SAMPLE_RATE)
        if not frames:
            self._be_silent(not self._gate.holds)

    def rest(self) -> None:
        """The bot is to hear no more for now: silence, until the next that is `heard`."""
        self._gate.rest()
        self._be_silent(True)

    def _be_silent(self, silent: bool) -> None:
        if self._pair is not None and silent is not self._silent:
            self._silent = silent
            self._pair.signal(Kind.SILENCE if silent else Kind.HOLD)

    def tell(self, told: talk.Told) -> None:
        """Tell the bot; what comes while there is none waits for the next."""
        if self._pair is None:
            self._kept.append(told)
            if len(self._kept) > KEPT_MESSAGES:
                del self._kept[self._first]
            return
        try:
            self._pair.message(told.model_dump(mode="json"))
        except FrameError as error:
            self._log.warning("a message was left out: {}", error)

    # -- its life

    async def end(self) -> None:
        """See it end, the client being gone: it may finish, is asked to end, and is killed, in this order."""
        bot = self._bot
        if bot is not None:
            for hurry in (bot.terminate, bot.kill):
                await asyncio.wait({bot.ended}, timeout=self._end_seconds)
                if bot.ended.done():
                    break
                self._log.warning("bot {} takes longer than {:g} s to end", self._job.bot, self._end_seconds)
                hurry()
            await asyncio.wait({bot.ended}, timeout=self._end_seconds)
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _hold(self) -> str:
        failures = 0
        while True:
            began = time.monotonic()
            detail = await self._one()
            if detail is None:
                return "bot_ended"
            self._log.error("bot {} failed: {}", self._job.bot, detail)
            if not self._replace:
                return "bot_failed"
            self._sink.bot_failed(detail)
            failures = 0 if time.monotonic() - began > WELL_SECONDS else failures
            await asyncio.sleep(AGAIN_SECONDS[min(failures, len(AGAIN_SECONDS) - 1)])
            failures += 1

    async def _one(self) -> str | None:
        """One bot from start to end; why it failed, or `None` where it ended the call."""
        self._ready.clear()
        self._fault = None
        try:
            self._bot = bot = await self._bots.begin(self._job)
        except GatewayError as error:
            return error.message
        except OSError as error:  # this process has no descriptor left, say
            return f"no process for it: {error.strerror}"
        self._attach(bot)
        try:
            if not await self._started(bot):
                bot.kill()
                return f"its transport did not connect within {self._start_seconds:g} s"
            blocked = await self._followed(bot)
        finally:
            self._detach()
        if blocked:
            bot.kill()
            return f"it is blocked: its event loop has not run for {self._silence_seconds:g} s"
        return None if self._hung_up.is_set() else self._why(bot.ended.result())

    def _why(self, found: Exit) -> str | None:
        """Why a bot that has ended failed, or `None` where it ended the call."""
        if self._fault is not None:
            return self._fault
        if found.how == "returned":
            return None if self._ready.is_set() else "it returned before its transport connected"
        return found.detail

    async def _started(self, bot: Bot) -> bool:
        await _first(bot.ended, self._ready, self._start_seconds)
        return self._ready.is_set() or bot.ended.done()

    async def _followed(self, bot: Bot) -> bool:
        """Wait until it has ended or hung up, or is blocked; tells whether it is that."""
        silent = 0.0
        # Counted in turns of this loop, which may itself have stood still.
        while silent < self._silence_seconds:
            self._alive = False
            await _first(bot.ended, self._hung_up, LOOK_SECONDS)
            if bot.ended.done() or self._hung_up.is_set():
                return False
            silent = 0.0 if self._alive else silent + LOOK_SECONDS
        return True

    def _attach(self, bot: Bot) -> None:
        self._silent = False
        pair = self._pair = Pair(bot.sock, self._take, self._broken, budget=BYTES_A_SECOND)
        for told in [*self._sink.greet(), *self._kept]:
            self.tell(told)
        self._kept.clear()
        for frame in self._unheard:
            pair.sound(Kind.HEARD, frame, SAMPLE_RATE)
        self._unheard.clear()

    def _detach(self) -> None:
        if self._pair is not None:
            self._pair.close()
            self._pair = None

    def _broken(self, reason: str) -> None:
        """The pair is gone: the bot has ended or is about to, or it sent what is no frame."""
        self._pair = None
        self._fault = None if reason.startswith(GONE) else reason
        if self._bot is not None and not self._bot.ended.done():
            self._log.debug("bot {}: {}", self._job.bot, reason)
            self._bot.terminate()

    def _take(self, frame: Frame) -> None:
        self._alive = True
        match frame.kind:
            case Kind.BEAT:
                pass
            case Kind.SAID:
                self._sink.said(frame.body, frame.rate)
            case Kind.CLEAR:
                self._sink.clear()
            case Kind.MESSAGE:
                self._told(talk.from_bot(frame.message()))
            case _:
                raise FrameError(f"a bot sends no {frame.kind.name}")

    def _told(self, told: talk.FromBot) -> None:
        if isinstance(told, talk.HangUp):
            self._hung_up.set()
            return
        if isinstance(told, talk.Ready):
            self._ready.set()
        self._sink.told(told)


async def _first(future: asyncio.Future[Exit], event: asyncio.Event, seconds: float | None = None) -> None:
    """Wait for one of the two, at most this long."""
    waiting = asyncio.create_task(event.wait(), name="bot-event")
    try:
        either: set[asyncio.Future[Any]] = {future, waiting}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
