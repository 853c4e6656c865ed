"""Engines over the Wyoming protocol: asked of servers made with its own package, around offline engines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from gateway.errors import ConfigError
from gateway.sections import EngineSpec
from gateway.speech import providers

pytest.importorskip("wyoming", reason="wyoming is not installed")
from tests.support.wyoming_server import Asked, saying, serving

Hear = Callable[[bytes], str]
_NOWHERE = "tcp://127.0.0.1:9"


def spec(url: str, **options: Any) -> EngineSpec:
    return EngineSpec(provider="wyoming", options={"url": url, **options})


class Collector(FrameProcessor):
    """Keeps what comes along, and errors, which go the other way."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self.heard = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        if isinstance(frame, TranscriptionFrame | ErrorFrame):
            self.heard.set()
        await self.push_frame(frame, direction)

    def of(self, kind: type) -> list[Any]:
        return [frame for frame in self.frames if isinstance(frame, kind)]


async def through(service: FrameProcessor, *frames: Frame, ends: bool = True) -> Collector:
    """What comes of frames that are given to a service."""
    before, after = Collector(), Collector()
    worker = PipelineWorker(
        Pipeline([before, service, after]),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=16_000),
        idle_timeout_secs=None,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    await worker.queue_frames([*frames, *([EndFrame()] if ends else [])])
    if not ends:
        heard = [asyncio.create_task(each.heard.wait()) for each in (before, after)]
        await asyncio.wait(heard, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        for task in heard:
            task.cancel()
        await worker.cancel()
    await running
    after.frames += before.of(ErrorFrame)
    return after


def speech(pcm: bytes) -> list[Frame]:
    pieces = [pcm[at : at + 640].ljust(640, b"\0") for at in range(0, len(pcm), 640)]
    return [
        VADUserStartedSpeakingFrame(),
        *(InputAudioRawFrame(piece, 16_000, 1) for piece in pieces),
        VADUserStoppedSpeakingFrame(),
    ]


async def test_what_is_said_is_transcribed_by_the_server(hear: Hear, say: Hear) -> None:
    async with serving(Asked(hear=hear)) as asked:
        service = providers.make_stt(spec(asked.url, model="sphinx", language="en"), {})
        found = await through(service, *speech(say("what time is it")), ends=False)  # type: ignore[arg-type]
    [transcript] = found.of(TranscriptionFrame)
    assert transcript.text == "what time is it"
    assert transcript.finalized
    assert (asked.transcribe[0].name, asked.transcribe[0].language) == ("sphinx", "en")


async def test_a_sentence_is_spoken_by_the_server(hear: Hear) -> None:
    async with serving(Asked(speaks=True)) as asked:
        service = providers.make_tts(spec(asked.url, voice="cmu_us_slt"), {})
        found = await through(service, TTSSpeakFrame("what time is it"))
    pcm = b"".join(frame.audio for frame in found.of(TTSAudioRawFrame))
    assert hear(bytes(6400) + pcm + bytes(6400)) == "what time is it"
    assert asked.synthesize[0].voice is not None
    assert asked.synthesize[0].voice.name == "cmu_us_slt"


@pytest.mark.parametrize("why", ["away", "says no"])
async def test_a_server_that_can_not_is_an_error_and_the_call_goes_on(why: str) -> None:
    async with serving(Asked(speaks=True, fails="no memory")) as asked:
        url = asked.url if why == "says no" else _NOWHERE
        voice = providers.make_tts(spec(url), {})
        found = await through(voice, TTSSpeakFrame("hello"))
        assert any(
            ("no memory" if why == "says no" else "can't be asked") in e.error for e in found.of(ErrorFrame)
        )
        ear = providers.make_stt(spec(url), {})
        found = await through(ear, *speech(bytes(32_000)), ends=False)
        assert found.of(ErrorFrame)


async def test_start_up_looks_at_the_server() -> None:
    async with serving(Asked(speaks=True)) as asked:
        for good in (spec(asked.url), spec(asked.url, voice="cmu_us_slt")):
            await asyncio.to_thread(providers.check, "tts", good, {})
        with pytest.raises(ConfigError, match="has no marvin") as caught:
            await asyncio.to_thread(providers.check, "tts", spec(asked.url, voice="marvin"), {})
        assert "cmu_us_slt" in caught.value.remedy
        with pytest.raises(ConfigError, match="does other things"):
            await asyncio.to_thread(providers.check, "stt", spec(asked.url), {})


ODD = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"[]\n",
    b'{"type": 7}\n',
    b'{"type": "info", "data": []}\n',
    b'{"type": "info", "data": {"asr": [{}], "tts": 3}}\n',
    b'{"type": "transcript"}\n',
    b'{"type": "transcript", "data": {"text": null}}\n',
    b'{"type": "transcript", "data_length": "x"}\n',
    b'{"type": "transcript", "data_length": 900}\n{',
    b'{"type": "audio-chunk", "data": {"rate": 0, "width": 2, "channels": 1}, "payload_length": 2}\nab',
    b'{"type": "audio-chunk", "data": {"rate": "fast", "width": 2, "channels": 1}, "payload_length": 2}\nab',
    b'{"type": "audio-chunk", "payload_length": 4000}\nab',
    b"x" * 200_000,
]


@pytest.mark.parametrize("words", ODD)
async def test_a_server_that_talks_nonsense_is_told_at_start_up(words: bytes) -> None:
    async with saying(words) as url:
        with contextlib.suppress(ConfigError):
            await asyncio.to_thread(providers.check, "stt", spec(url), {})


@pytest.mark.parametrize("words", ODD)
async def test_nonsense_for_a_transcript_is_told_in_a_line(words: bytes) -> None:
    async with saying(words) as url:
        service = providers.make_stt(spec(url), {})
        found = await through(service, *speech(b"\1\0" * 8_000), ends=False)
    assert [error.error for error in found.of(ErrorFrame) if url in error.error]


@pytest.mark.parametrize("words", ODD)
async def test_nonsense_for_a_voice_is_told_in_a_line(words: bytes) -> None:
    async with saying(words) as url:
        service = providers.make_tts(spec(url), {})
        found = await through(service, TTSSpeakFrame("hello"), ends=False)
    assert [error.error for error in found.of(ErrorFrame) if url in error.error]


async def test_a_transcript_that_never_comes_is_waited_for_no_longer() -> None:
    async with saying(b'{"type": "ping"}\n' * 1_000, endless=True) as url:
        service = providers.make_stt(spec(url), {})
        found = await through(service, *speech(b"\1\0" * 8_000), ends=False)
    (error,) = found.of(ErrorFrame)
    assert "comes to no end" in error.error


async def test_a_voice_that_never_ends_is_stopped() -> None:
    head = b'{"type": "audio-chunk", "data": {"rate": 8000, "width": 2, "channels": 1}, "payload_length": 48000}\n'
    async with saying(head + bytes(48_000), endless=True) as url:
        service = providers.make_tts(spec(url), {})
        found = await through(service, TTSSpeakFrame("hello"), ends=False)
    (error,) = found.of(ErrorFrame)
    assert "comes to no end" in error.error


async def test_a_server_that_reads_nothing_holds_nobody_up() -> None:
    async with saying(b"", reads=False) as url:
        service = providers.make_stt(spec(url, timeout_s=0.2), {})
        pcm = b"\1\0" * 16_000 * 600
        errors = [frame async for frame in service.run_stt(pcm) if isinstance(frame, ErrorFrame)]  # type: ignore[attr-defined]
    assert "gave no answer" in errors[0].error


def test_a_server_that_is_away_at_start_up_is_a_warning() -> None:
    providers.check("stt", spec(_NOWHERE), {})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "no url"),
        ({"url": "http://127.0.0.1:10300"}, "is no server"),
        ({"url": "tcp://127.0.0.1:99999"}, "is no server"),
        ({"url": _NOWHERE, "timeout_s": 0}, "timeout_s"),
        ({"url": _NOWHERE, "speed": 2}, "no option speed"),
    ],
)
def test_settings_that_can_not_be_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        providers.check("tts", EngineSpec(provider="wyoming", options=options), {})
