"""What the process of a bot does: hold one call until the bot is done."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from loguru import logger
from pipecat.pipeline.worker import PipelineWorker

from gateway.bot import given, loading, pack, pipecat_setup, sound, stock, watching
from gateway.bot.connection import BotConnection
from gateway.bot.measures import Measures
from gateway.bot.phone import PhoneLine
from gateway.bot.tools import DeviceTools
from gateway.bot.track import SAMPLE_RATE
from gateway.bot.turns import TurnClock
from gateway.bot.whole import WholeConnection
from gateway.environment import without_telemetry
from gateway.ice_servers import IceServer
from gateway.settings import Settings
from gateway.wire import talk
from gateway.wire.calls import BotJob
from gateway.wire.frames import Frame, FrameError, Kind
from gateway.wire.pair import GONE, Pair
from gateway.wire.talk import MAX_TEXT

LEAVE_SECONDS = 1.0
"""For what a bot has left running to end, once it is cancelled."""
MAX_MEASURES = 64
BEAT_SECONDS = 1.0
"""How often the media are told that the bot's event loop runs."""


@asynccontextmanager
async def prepared(settings: Settings) -> AsyncIterator[None]:
    """Import the bots that the settings name and hold what they share loaded.

    A bot's module may have `prepared(settings)`, an asynchronous context manager that is held around all calls.

    Raises:
        ConfigError: one of them cannot work; names what to install or set.
    """
    hook_in()
    async with AsyncExitStack() as held:
        for name in settings.named_bots:
            given.settle(name)
            own = getattr(loading.load(name), "prepared", None)
            if own is not None:
                await held.enter_async_context(own(settings))
        yield


def check(bot: str) -> None:
    """Import a bot's module; raises ConfigError where that fails."""
    loading.load(bot)


def hook_in() -> None:
    """Have Pipecat show us each pipeline that is made in this process."""
    without_telemetry()
    files = [f for f in os.environ.get("PIPECAT_SETUP_FILES", "").split(os.pathsep) if f]
    if pipecat_setup.__file__ not in files:
        os.environ["PIPECAT_SETUP_FILES"] = os.pathsep.join([*files, pipecat_setup.__file__])


def run(sock: socket.socket, job: BotJob) -> None:
    """Run a bot in this process, over this end of its pair; returns or raises as the bot does.

    SIGTERM cancels it. The loop is left as it is: what a bot leaves behind may not end when it is cancelled, as a
    pipeline of Pipecat's whose tasks are all cancelled at once, and the process ends after this anyway.
    """
    hook_in()
    work = pack.serve(sock, hold) if job.packed else hold(sock, job)
    loop = asyncio.new_event_loop()
    held = loop.create_task(_until_told(work), name="held")
    while not held.done():
        try:
            loop.run_until_complete(held)
        except (SystemExit, KeyboardInterrupt, RuntimeError):  # the last where a bot has stopped the loop
            if held.done() or not job.packed:
                raise  # else it is one call's, and leaves this loop in the middle of the others


async def _until_told(work: Awaitable[None]) -> None:
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await task
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for other in left:
            other.cancel()
        if left:
            await asyncio.wait(left, timeout=LEAVE_SECONDS)


async def hold(sock: socket.socket, job: BotJob) -> None:
    """Run a bot on this event loop, until it returns or raises."""
    module = loading.load(job.bot)
    given.tell_runner(job.own.get("settings", {}))
    servers = [IceServer(**server) for server in job.own.get("settings", {}).get("ice_servers", ())]
    connection: BotConnection | WholeConnection | PhoneLine
    if job.phone is not None:
        connection = PhoneLine()
        await connection.accept()
    else:
        connection = WholeConnection(servers) if job.whole else BotConnection(job.pc_id)
    with logger.contextualize(session=job.session_id):
        seat = _Seat(connection, stays=job.device is not None)
        pair = Pair(sock, seat.take, seat.lost)
        connection.attach(pair)
        seat.pair = pair
        watching.watcher.set(seat.watch)
        beside = [
            asyncio.create_task(connection.serve(), name=f"events-{job.session_id}"),
            asyncio.create_task(_beat(pair), name=f"beat-{job.session_id}"),
        ]
        try:
            arguments = given.arguments(job, connection, module, seat.tools)
            if job.device is not None:
                arguments.pipeline_idle_timeout_secs = None  # a device stays connected while nobody speaks
            if isinstance(connection, WholeConnection) and not await connection.met():
                return  # Pipecat's runner too answers before it begins the bot, which may block
            await module.bot(arguments)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            pair.close()


async def _beat(pair: Pair) -> None:
    """Tell the media that this loop runs, until cancelled."""
    while True:
        pair.signal(Kind.BEAT)
        await asyncio.sleep(BEAT_SECONDS)


class _Seat:
    """Joins a bot's connection, its turns, and the pair."""

    def __init__(self, connection: BotConnection | WholeConnection | PhoneLine, *, stays: bool) -> None:
        self._stays = stays
        self.pair: Pair | None = None
        self._connection = connection
        self.tools = DeviceTools(self._send)
        self._rests = True
        self._measures = Measures(self._measured, self._called)
        self._turns = TurnClock(
            self._turn, self._transcript, sees_packets=isinstance(connection, BotConnection)
        )
        self._looks_at = self._turns.kinds | self._measures.kinds

    def take(self, frame: Frame) -> None:
        """Take a frame; what can't be read is the media's fault, and left out."""
        try:
            if frame.kind is Kind.MESSAGE:
                self._take_message(frame)
            else:
                self._connection.take(frame)
        except FrameError as error:
            logger.error("{}", error)

    def _take_message(self, frame: Frame) -> None:
        match told := talk.to_bot(frame.message()):
            case talk.Sounded():
                self._turns.packet(told.at)
            case talk.Done():
                self.tools.settle(told)
            case _:
                self._connection.take(frame)

    def lost(self, reason: str) -> None:
        """The media process is gone: to the bot that is a client that left."""
        log = logger.debug if reason.startswith(GONE) else logger.warning  # as after each hang-up
        log("the call's media: {}", reason)
        self._connection.lose()

    def watch(self, worker: PipelineWorker) -> None:
        """Time the turns of a pipeline that the bot runs; its audio gets the short way."""
        sound.watch_frames(worker, self._see)
        if self._stays:
            stock.stay_while_idle(worker)
        if isinstance(self._connection, BotConnection):
            stock.shorten(worker, SAMPLE_RATE)
            sound.hasten(worker, self._see, self._connection.has_room)
            self._rests = self._rests and not stock.has_use_for_silence(worker)
            self._connection.rest_in_silence(allowed=self._rests)

    def _see(self, frame: Any) -> None:
        if type(frame) in self._looks_at:  # sound comes fifty times a second
            self._turns.frame(frame)
            self._measures.frame(frame)

    def _measured(self, items: list[dict[str, Any]]) -> None:
        self._send({"t": "measures", "items": items[:MAX_MEASURES]})

    def _called(self, tool: dict[str, Any]) -> None:
        self._send({"t": "tool", **tool})

    def _turn(self, turn: dict[str, Any]) -> None:
        self._send({"t": "turn", **turn, "user": turn["user"][:MAX_TEXT], "bot": turn["bot"][:MAX_TEXT]})

    def _transcript(self, transcript: dict[str, Any]) -> None:
        self._send({"t": "transcript", **transcript, "text": transcript["text"][:MAX_TEXT]})

    def _send(self, told: dict[str, Any]) -> None:
        if self.pair is not None:
            self.pair.message(told)
