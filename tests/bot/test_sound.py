from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    TextFrame,
    TTSAudioRawFrame,
)
from pipecat.observers.base_observer import BaseObserver, FrameProcessed, FramePushed
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi import RTVIObserverParams
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.workers.runner import WorkerRunner

from gateway.bot import sound, stock
from gateway.bot.connection import BotConnection
from gateway.bot.track import HeardTrack
from tests.support.waiting import until

FRAME = b"\1\0" * 320


class Kept(FrameProcessor):
    """Keeps what comes by, and passes it on."""

    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)
        self.frames: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        await self.push_frame(frame, direction)

    def sounds(self) -> list[bytes]:
        return [f.audio for f in self.frames if isinstance(f, OutputAudioRawFrame)]


class Turned(FrameProcessor):
    """Turns what is heard into what is said, of this kind."""

    def __init__(self, kind: type[OutputAudioRawFrame] = OutputAudioRawFrame) -> None:
        super().__init__(enable_direct_mode=True)
        self._kind = kind

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            frame = self._kind(frame.audio, frame.sample_rate, frame.num_channels)
        await self.push_frame(frame, direction)


class Watching(BaseObserver):
    """An observer of a bot's own."""

    def __init__(self) -> None:
        super().__init__()
        self.pushed: list[str] = []
        self.processed: list[str] = []

    async def on_push_frame(self, data: FramePushed) -> None:
        if isinstance(data.frame, InputAudioRawFrame | OutputAudioRawFrame):
            self.pushed.append(type(data.source).__name__)

    async def on_process_frame(self, data: FrameProcessed) -> None:
        if isinstance(data.frame, InputAudioRawFrame | OutputAudioRawFrame):
            self.processed.append(type(data.processor).__name__)


class Call:
    """A pipeline that hears and speaks, and what it has written."""

    def __init__(self, *between: FrameProcessor, hastened: bool = True, **options: Any) -> None:
        self.track = HeardTrack()
        self.written: list[bytes] = []
        self.room = True
        self.time = asyncio.Event()
        self.time.set()
        connection = BotConnection("pc")
        params = TransportParams(
            audio_in_enabled=True,
            audio_in_sample_rate=16_000,
            audio_out_enabled=True,
            audio_out_10ms_chunks=2,
        )
        params.audio_out_sample_rate = 16_000
        self.transport = SmallWebRTCTransport(connection, params)
        self.connection = connection
        self.seen: list[Frame] = []
        self.after = Kept()
        pipeline = Pipeline([self.transport.input(), *between, self.transport.output(), self.after])
        self.worker = PipelineWorker(pipeline, idle_timeout_secs=None, **options)
        stock.shorten(self.worker, 16_000)
        sound.watch_frames(self.worker, self.seen.append)
        if hastened:
            sound.hasten(self.worker, self.seen.append, lambda _: self.room)

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self.worker)
        running = asyncio.create_task(runner.run())
        client: Any = self.transport.input()._client
        output: Any = self.transport.output()
        client._audio_input_track = self.track
        output.write_audio_frame = self._write
        await until(lambda: None in output._media_senders, "it can speak")
        self.sender = output._media_senders[None]
        try:
            yield
        finally:
            self.time.set()
            await self.worker.cancel()
            await running
            await self.connection.disconnect()

    async def _write(self, frame: OutputAudioRawFrame) -> bool:
        self.written.append(frame.audio)
        await self.time.wait()
        return True

    async def hear(self, count: int) -> None:
        """Hear so many frames, and say as many."""
        before = len(self.written)
        for level in range(count):
            self.track.put(bytes([level, 0]) * 320)
        await until(lambda: len(self.written) == before + count, "all is written")


async def test_an_echo_is_written_without_a_task_between_and_passed_on() -> None:
    call = Call(Turned())
    async with call.held():
        call.sender._audio_queue.put = None  # the way to the sender's task
        await call.hear(3)
        assert call.written == [bytes([level, 0]) * 320 for level in range(3)]
        assert call.after.sounds() == call.written


async def test_what_there_is_no_room_for_waits_and_what_comes_after_it_stays_behind_it() -> None:
    call = Call(Turned())
    async with call.held():
        call.time.clear()
        call.room = False
        call.track.put(FRAME)
        await until(lambda: len(call.written) == 1, "the first is being written")
        call.room = True
        for level in (7, 8):
            call.track.put(bytes([level, 0]) * 320)
        await until(lambda: call.sender._audio_queue.qsize() == 2, "the others wait")
        call.time.set()
        await until(lambda: len(call.after.sounds()) == 3, "all is said")
        assert call.written == call.after.sounds() == [FRAME, b"\7\0" * 320, b"\10\0" * 320]


async def test_what_a_bot_speaks_says_so_as_ever() -> None:
    call = Call(Turned(TTSAudioRawFrame))
    async with call.held():
        await call.hear(1)
        await until(
            lambda: any(isinstance(f, BotStartedSpeakingFrame) for f in call.after.frames), "it is told"
        )


async def test_half_a_frame_is_said_with_the_next() -> None:
    call = Call(Turned())
    async with call.held():
        for level in (1, 2):
            await call.transport.output().queue_frame(OutputAudioRawFrame(bytes([level, 0]) * 160, 16_000, 1))
        await until(lambda: call.written != [], "it is said")
        assert call.written == [b"\1\0" * 160 + b"\2\0" * 160]


@pytest.mark.parametrize("hastened", [False, True])
async def test_an_observer_of_a_bot_s_own_is_told_of_each_step_of_sound(hastened: bool) -> None:
    watching = Watching()
    call = Call(Turned(), hastened=hastened, observers=[watching])
    async with call.held():
        await call.hear(2)
        await until(lambda: watching.pushed.count("Pipeline") == 2, "its way to the end is seen")
        pushed = ["SmallWebRTCInputTransport", "Turned", "SmallWebRTCOutputTransport", "Kept"]
        assert [watching.pushed.count(name) for name in pushed] == [2, 2, 2, 2]
        assert [watching.processed.count(name) for name in pushed[1:]] == [2, 2, 2]


async def test_a_client_that_wants_levels_has_its_observer_told_of_sound() -> None:
    params = RTVIObserverParams(user_audio_level_enabled=True)
    call = Call(Turned(), rtvi_observer_params=params)
    [rtvi] = [o for o in call.worker._observer._observers if type(o).__name__ == "RTVIObserver"]
    told: list[Frame] = []

    async def on_push_frame(data: FramePushed) -> None:
        told.append(data.frame)

    rtvi.on_push_frame = on_push_frame  # type: ignore[method-assign]
    async with call.held():
        await call.hear(1)
        await until(lambda: any(isinstance(f, InputAudioRawFrame) for f in told), "it is told")


async def test_what_is_to_be_called_before_and_after_a_push_is() -> None:
    turned = Turned()
    called: list[str] = []
    turned.add_event_handler("on_before_push_frame", lambda _, f: called.append(f"before {type(f).__name__}"))
    turned.add_event_handler("on_after_push_frame", lambda _, f: called.append(f"after {type(f).__name__}"))
    call = Call(turned)
    async with call.held():
        await call.hear(1)
        assert {"before OutputAudioRawFrame", "after OutputAudioRawFrame"} <= set(called)


async def test_the_end_of_a_pipeline_hears_of_sound_that_somebody_waits_for() -> None:
    call = Call(Turned())
    reached: list[Frame] = []
    call.worker.set_reached_downstream_filter((OutputAudioRawFrame,))
    call.worker.add_event_handler("on_frame_reached_downstream", lambda _, frame: reached.append(frame))
    async with call.held():
        await call.hear(2)
        await until(lambda: len(reached) == 2, "it is told")


class Failing(FrameProcessor):
    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)

    async def queue_frame(self, frame: Frame, *arguments: Any) -> None:
        if not isinstance(frame, InputAudioRawFrame):
            await super().queue_frame(frame, *arguments)
            return
        raise RuntimeError("no")


async def test_who_cannot_take_sound_is_an_error_of_the_pipeline_and_no_end_of_it() -> None:
    call = Call(Failing())
    errors: list[ErrorFrame] = []
    call.worker.add_event_handler("on_pipeline_error", lambda _, frame: errors.append(frame))
    async with call.held():
        call.track.put(FRAME)
        await until(lambda: errors != [], "it is told")
        call.track.put(FRAME)
        await until(lambda: len(errors) == 2, "it goes on")


async def test_what_watches_sees_sound_at_each_push() -> None:
    call = Call(Turned())
    async with call.held():
        await call.hear(1)
        assert [type(f) for f in call.seen if isinstance(f, InputAudioRawFrame)] == [InputAudioRawFrame]
        assert sum(isinstance(f, OutputAudioRawFrame) for f in call.seen) == 3  # turned, written, passed on


# -- what watches frames


class Last(FrameProcessor):
    """Keeps the texts that reach it."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TextFrame):
            self.texts.append(frame)
        await self.push_frame(frame, direction)


async def run(see: Callable[[Frame], None]) -> list[Frame]:
    """Send a text through a watched pipeline; what reaches its end."""
    last = Last()
    worker = PipelineWorker(Pipeline([last]))
    sound.watch_frames(worker, see)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await worker.queue_frames([TextFrame("hello"), EndFrame()])
    await runner.run()
    return last.texts


async def test_each_push_of_a_frame_is_seen() -> None:
    seen: list[Frame] = []
    [text] = await run(seen.append)
    assert sum(frame is text for frame in seen) >= 2


async def test_a_watch_that_fails_harms_no_frame() -> None:
    def fail(frame: Frame) -> None:
        raise RuntimeError(frame.name)

    assert len(await run(fail)) == 1
