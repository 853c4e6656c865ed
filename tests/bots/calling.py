"""The assistant's pipeline without a transport: fed with speech, and what would be heard kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi.frames import RTVIServerMessageFrame
from pipecat.workers.runner import WorkerRunner

from gateway.bots.assistant import AssistantSettings, build
from gateway.bots.call import PIPELINE
from gateway.errors import Busy
from gateway.speech.flite import Flite
from gateway.speech.remembering import Known
from gateway.speech.timers import Asked
from tests.support.waiting import PATIENCE

_T = TypeVar("_T")
_QUIET = bytes(640 * 60)  # 1.2 s: enough for the VAD, and for the turn to be given up waiting for more


class Output(FrameProcessor):
    """Stands where the transport's output would, and keeps what reaches it."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.said: asyncio.Queue[str] = asyncio.Queue()
        self.commands: asyncio.Queue[object] = asyncio.Queue()
        self.interrupted = asyncio.Event()
        self.stopped = asyncio.Event()
        self.audio = bytearray()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self.audio += frame.audio
        elif isinstance(frame, TTSTextFrame):
            self.said.put_nowait(frame.text)
        elif isinstance(frame, RTVIServerMessageFrame):
            self.commands.put_nowait(frame.data)
        elif isinstance(frame, TTSStoppedFrame):
            self.stopped.set()
        elif isinstance(frame, InterruptionFrame):
            self.interrupted.set()
        await self.push_frame(frame, direction)


class Ear(FrameProcessor):
    """Behind the recogniser: keeps the transcripts."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            self._output.heard.put_nowait(frame.text)
        await self.push_frame(frame, direction)


@dataclass
class Call:
    """Who speaks, and what comes of it."""

    worker: PipelineWorker
    output: Output
    voice: Flite = field(default_factory=lambda: Flite("cmu_us_slt"))

    async def ask(self, text: str) -> None:
        await self.play(bytes(16_000) + self.voice.speak(text) + _QUIET)

    async def play(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), 640):
            await self.worker.queue_frame(InputAudioRawFrame(pcm[at : at + 640].ljust(640, b"\0"), 16_000, 1))


@asynccontextmanager
async def calling(
    settings: AssistantSettings, gateway: Asked | None = None, before: Known | None = None
) -> AsyncIterator[Call]:
    """A call's pipeline at work."""
    middle, after = await asyncio.to_thread(build, settings, {}, gateway, None, before)
    output = Output()
    worker = PipelineWorker(Pipeline([*middle[:2], Ear(output), *middle[2:], output, after]), params=PIPELINE)
    started = asyncio.Event()

    async def on_started(_worker: PipelineWorker, _frame: Frame) -> None:
        started.set()

    worker.add_event_handler("on_pipeline_started", on_started)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run(), name="call")
    try:
        await asyncio.wait_for(started.wait(), PATIENCE)
        yield Call(worker, output)
    finally:
        await worker.cancel()
        await running


async def soon(queue: asyncio.Queue[_T]) -> _T:
    """What comes next."""
    return await asyncio.wait_for(queue.get(), PATIENCE)


@dataclass
class Gateway:
    """What a bot asks of its gateway, noted; `refuses` stands for one that is being replaced."""

    tells: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refuses: bool = False

    async def ask(self, tool: str, arguments: dict[str, Any] | None = None) -> Any:
        if self.refuses:
            raise Busy("no")
        self.asked.append((tool, arguments or {}))
        return self.tells.get(tool, [])

    def summaries(self) -> list[str]:
        """Those that it was handed."""
        return [arguments["text"] for tool, arguments in self.asked if tool == "summarise"]

    async def schema(self) -> Any:
        raise Busy("it has no tools")


@dataclass
class Model:
    """A language model that goes by rules, and what it was sent."""

    url: str
    log: Path

    def sent(self) -> list[list[dict[str, Any]]]:
        """The messages of each question, the system's left out."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [[m for m in line["messages"] if m["role"] != "system"] for line in lines]

    def instructions(self) -> str:
        """Those of the last question."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return " ".join(str(m["content"]) for m in lines[-1]["messages"] if m["role"] == "system")
