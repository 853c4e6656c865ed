"""The echo bot: says back what it hears, 20 ms at a time, as fast as the media path allows."""

from __future__ import annotations

from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments

from gateway.bots.call import PIPELINE, hold, open_transport


class Echo(FrameProcessor):
    """Input audio becomes output audio; everything else passes."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn audio round."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        await self.push_frame(frame, direction)


async def bot(runner_args: RunnerArguments) -> None:
    """Echo a call until it ends: the signature that Pipecat's runner, and ours, call."""
    transport = await open_transport(runner_args)
    # An echo does nothing that could hold up who calls it, so it needs no queue and no task of its own.
    pipeline = Pipeline([transport.input(), Echo(enable_direct_mode=True), transport.output()])
    # It has no turns to be tracked, or by which it could seem idle.
    worker = PipelineWorker(pipeline, params=PIPELINE, idle_timeout_secs=None, enable_turn_tracking=False)
    await hold(runner_args, transport, worker)
