"""A bot that never stops talking, and tells each second how loud what it heard meanwhile was."""

from __future__ import annotations

import asyncio
import math

import numpy as np
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments

from gateway.bots.call import PIPELINE, hold, open_transport
from gateway.speech.flite import Flite

TEXT = "The ship left the harbour before the sun had risen, and nobody on the pier waved, because the night was cold."


class Talker(FrameProcessor):
    """Talks beside whatever passes."""

    def __init__(self) -> None:
        super().__init__()
        self._power = 0.0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.create_task(self._talk(), "talk")
        if isinstance(frame, InputAudioRawFrame):
            samples = np.frombuffer(frame.audio, "<i2").astype(np.float64) / 32_768
            self._power += float(np.sum(samples**2)) / frame.sample_rate
        else:
            await self.push_frame(frame, direction)

    async def _talk(self) -> None:
        said = Flite("cmu_us_rms").speak(TEXT)
        while True:
            for at in range(0, len(said), 32_000):
                second = said[at : at + 32_000]
                await self.push_frame(OutputAudioRawFrame(second, 16_000, 1))
                await asyncio.sleep(len(second) / 32_000)
                level = 10 * math.log10(max(self._power, 1e-10))
                self._power = 0.0
                await self.push_frame(TranscriptionFrame(f"level {level:.1f}", "", "", finalized=True))


async def bot(runner_args: RunnerArguments) -> None:
    transport = await open_transport(runner_args)
    pipeline = Pipeline([transport.input(), Talker(), transport.output()])
    worker = PipelineWorker(pipeline, params=PIPELINE, idle_timeout_secs=None, enable_turn_tracking=False)
    await hold(runner_args, transport, worker)
