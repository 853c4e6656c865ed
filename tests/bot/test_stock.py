from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from av import AudioFrame
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
    TextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.audio.audio_buffer_processor import AudioBufferProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.stt_service import SegmentedSTTService, STTService
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.transport import RawAudioTrack, SmallWebRTCTransport
from pipecat.workers.runner import WorkerRunner

from gateway.bot import stock
from gateway.bot.connection import BotConnection
from gateway.bot.track import HeardTrack
from gateway.bots.assistant import build, configuration
from tests.support.waiting import until


def test_the_versions_that_were_checked_are_installed() -> None:
    assert {name: importlib.metadata.version(name) for name in stock.CHECKED} == stock.CHECKED


async def test_what_a_bot_writes_is_diverted() -> None:
    written: list[tuple[bytes, int]] = []
    future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def write(pcm: bytes, rate: int) -> asyncio.Future[bool]:
        written.append((pcm, rate))
        return future

    track = RawAudioTrack(24_000)
    stock.divert(track, write)
    assert track.add_audio_bytes(bytes(480)) is future
    assert written == [(bytes(480), 24_000)]
    assert not track._chunk_queue


# -- what a bot hears


class Heard(FrameProcessor):
    """What stands between a transport's two ends."""

    def __init__(self) -> None:
        super().__init__()
        self.audio: list[InputAudioRawFrame] = []
        self.started = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self.audio.append(frame)
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.started.set()


@contextlib.asynccontextmanager
async def listening(track: HeardTrack, *, rate: int = 16_000) -> AsyncIterator[tuple[Heard, Any]]:
    """A pipeline that hears a device's track, by the short way, and Pipecat's client, which holds the track."""
    connection = BotConnection("pc")
    params = TransportParams(audio_in_enabled=True, audio_in_sample_rate=rate, audio_out_enabled=True)
    transport = SmallWebRTCTransport(connection, params)
    heard = Heard()
    worker = PipelineWorker(Pipeline([transport.input(), heard, transport.output()]), idle_timeout_secs=None)
    stock.shorten(worker, 16_000)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    client: Any = transport.input()._client
    client._audio_input_track = track
    try:
        yield heard, client
    finally:
        await worker.cancel()
        await running
        await connection.disconnect()


async def test_a_device_is_heard_without_a_detour() -> None:
    class Direct(HeardTrack):
        async def recv(self) -> AudioFrame:
            raise AssertionError("this is Pipecat's own way")

    track = Direct()
    async with listening(track) as (heard, _):
        for level in range(3):
            track.put(bytes([level, 0]) * 320)
        await until(lambda: len(heard.audio) == 3, "all is heard")
    assert [f.audio for f in heard.audio] == [bytes([level, 0]) * 320 for level in range(3)]
    assert {(f.sample_rate, f.num_channels, f.num_frames) for f in heard.audio} == {(16_000, 1, 320)}


async def test_nothing_waits_for_sound_that_comes_another_way() -> None:
    async with listening(HeardTrack()) as (heard, _):
        await heard.started.wait()
        assert not [
            t
            for t in asyncio.all_tasks()
            if t.get_name().endswith("_audio_task_handler") and "Input" in t.get_name()
        ]


async def test_a_device_is_told_without_a_detour(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    async with listening(HeardTrack()) as (heard, client):
        monkeypatch.setattr(client._webrtc_connection, "send_app_message", told.append)
        await heard.started.wait()
        await heard.push_frame(OutputTransportMessageUrgentFrame(message={"a": 1}))
        assert told == [{"a": 1}]


async def test_a_bot_that_ends_holds_nobody_up_until_it_is_heard_out() -> None:
    async with listening(HeardTrack()) as (heard, _):
        await heard.started.wait()
        await heard.push_frame(OutputAudioRawFrame(bytes(32_000), 16_000, 1))
        before = asyncio.all_tasks()
        await heard.push_frame(EndFrame())
        [end] = [task for task in asyncio.all_tasks() - before if task.get_name().endswith("::end")]
        assert not end.done()


async def test_a_bot_that_wants_another_rate_gets_it() -> None:
    track = HeardTrack()
    async with listening(track, rate=24_000) as (heard, _):
        for _ in range(5):
            track.put(bytes(640))
        await until(lambda: sum(f.num_frames for f in heard.audio) > 3 * 480, "it is heard")
    assert {f.sample_rate for f in heard.audio} == {24_000}


async def test_a_restarted_call_is_heard_on() -> None:
    first, second = HeardTrack(), HeardTrack()
    async with listening(first) as (heard, client):
        first.put(b"\1\0" * 320)
        await until(lambda: len(heard.audio) == 1, "the first is heard")
        first.stop()
        await until(lambda: client._audio_input_track is None, "its end is seen")
        client._audio_input_track = second
        second.put(b"\2\0" * 320)
        await until(lambda: len(heard.audio) == 2, "the second is heard")


# -- a bot that nobody talks to


@pytest.mark.parametrize(
    ("given", "cancelled"), [({}, False), ({"idle_timeout_secs": 60}, True)], ids=["Pipecat's", "its own"]
)
async def test_an_idle_time_out_that_no_author_chose_ends_nothing(
    given: dict[str, Any], cancelled: bool
) -> None:
    worker = PipelineWorker(Pipeline([Heard()]), **given)
    told = asyncio.Event()
    worker.add_event_handler("on_idle_timeout", lambda _worker: told.set())
    stock.stay_while_idle(worker)
    running = await worker._idle_timeout_detected()
    await told.wait()
    assert running is not cancelled


# -- who has use for silence


class _Recogniser(STTService):
    """A recogniser that streams to a service."""

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        yield TextFrame(str(len(audio)))


class _Segments(SegmentedSTTService):
    """A recogniser that is given whole segments."""

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        yield TextFrame(str(len(audio)))


def _pipeline(*processors: FrameProcessor) -> PipelineWorker:
    params = TransportParams(audio_in_enabled=True, audio_out_enabled=True)
    transport = SmallWebRTCTransport(BotConnection("pc"), params)
    return PipelineWorker(Pipeline([transport.input(), *processors, transport.output()]))


async def test_a_pipeline_that_waits_for_somebody_to_speak_has_no_use_for_silence() -> None:
    user, assistant = LLMContextAggregatorPair(LLMContext())
    assert not stock.has_use_for_silence(_pipeline(_Segments(), user, assistant))


async def test_nor_has_the_assistant() -> None:
    between, after = build(configuration({}), {})
    assert not stock.has_use_for_silence(_pipeline(*between, after))


async def test_a_recogniser_of_streams_a_recorder_and_what_somebody_wrote_for_sound_have() -> None:
    for processor in (_Recogniser(), AudioBufferProcessor(), Heard()):
        assert stock.has_use_for_silence(_pipeline(processor)), processor


BY_MODULE = """
import pipecat.frames.frames as f
from pipecat.observers.base_observer import BaseObserver
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.stt_service import SegmentedSTTService

class Counts(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        self.heard = isinstance(frame, f.InputAudioRawFrame)
        await self.push_frame(frame, direction)

class Derived(Counts):
    pass

class Listens(SegmentedSTTService):
    async def run_stt(self, audio):
        yield None

    async def process_audio_frame(self, frame, direction):
        await super().process_audio_frame(frame, direction)

class Watches(BaseObserver):
    async def on_push_frame(self, data):
        self.heard = isinstance(data.frame, f.InputAudioRawFrame)

class Named(FrameProcessor):
    def title(self):
        return "it leaves frames to Pipecat"
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of an author's, which names no kind of frame."""
    (tmp_path / "by_module.py").write_text(BY_MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "by_module", raising=False)
    return importlib.import_module("by_module")


@pytest.mark.parametrize("name", ["Counts", "Derived", "Listens"])
async def test_what_somebody_wrote_has_however_it_names_frames(written: Any, name: str) -> None:
    assert stock.has_use_for_silence(_pipeline(getattr(written, name)()))


async def test_so_has_an_observer_or_a_handler_that_somebody_wrote(written: Any) -> None:
    watched = _pipeline()
    watched.add_observer(written.Watches())
    assert stock.has_use_for_silence(watched)
    handled = FrameProcessor()
    handled.add_event_handler("on_after_process_frame", lambda *_: None)
    assert stock.has_use_for_silence(_pipeline(handled))


async def test_what_leaves_frames_to_pipecat_has_not(written: Any) -> None:
    assert not stock.has_use_for_silence(_pipeline(written.Named()))
