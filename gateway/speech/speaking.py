"""Speaks one text and ends: `python -m gateway.speech.speaking`, with `{"text": …, "engine": …}` on its input.

On its output: the rate in hertz, a line feed, and mono 16-bit PCM. What goes wrong is the last line of its errors, and
a status that is not 0.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Final

from pipecat.frames.frames import EndFrame, ErrorFrame, Frame, TTSAudioRawFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from gateway.environment import api_keys
from gateway.errors import ConfigError
from gateway.sections import EngineSpec
from gateway.speech import providers
from gateway.speech.synthesis import make_synthesiser
from ground import priority

RATE: Final = 16_000


def main() -> int:
    """Read what to say, and say it."""
    priority.step_back()
    asked = json.load(sys.stdin)
    engine = EngineSpec.model_validate(asked["engine"])
    try:
        pcm, rate = (
            _local(asked["text"], engine)
            if engine.provider == "flite"
            else _by_service(asked["text"], engine)
        )
    except ConfigError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    if not pcm:
        sys.stderr.write("the engine gave no sound\n")
        return 1
    sys.stdout.buffer.write(f"{rate}\n".encode() + pcm)
    return 0


def _local(text: str, engine: EngineSpec) -> tuple[bytes, int]:
    synthesiser = make_synthesiser(engine.options.get("voice"))
    return synthesiser.speak(text), synthesiser.sample_rate


def _by_service(text: str, engine: EngineSpec) -> tuple[bytes, int]:
    return asyncio.run(_collected(text, engine)), RATE


async def _collected(text: str, engine: EngineSpec) -> bytes:
    collector = Collector()
    worker = PipelineWorker(
        Pipeline([providers.make_tts(engine, api_keys()), collector]),
        params=PipelineParams(audio_out_sample_rate=RATE),
        idle_timeout_secs=None,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await worker.queue_frames([TTSSpeakFrame(text), EndFrame()])
    await runner.run()
    if collector.error and not collector.pcm:
        raise ConfigError(collector.error)
    return bytes(collector.pcm)


class Collector(FrameProcessor):
    """Keeps the sound that comes along, and the last error."""

    def __init__(self) -> None:
        super().__init__()
        self.pcm = bytearray()
        self.error = ""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Look at a frame and pass it on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self.pcm += frame.audio
        elif isinstance(frame, ErrorFrame):
            self.error = str(frame.error)
        await self.push_frame(frame, direction)


if __name__ == "__main__":
    sys.exit(main())
