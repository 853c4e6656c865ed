"""The echo bot: says back what it hears, 20 ms at a time, as fast as the media path allows."""

from __future__ import annotations

from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner

SAMPLE_RATE = 16_000


class Echo(FrameProcessor):
    """Input audio becomes output audio; everything else passes."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn audio round."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        await self.push_frame(frame, direction)


def _params() -> TransportParams:
    return TransportParams(
        audio_in_enabled=True,
        audio_in_sample_rate=SAMPLE_RATE,
        audio_in_passthrough=True,
        audio_out_enabled=True,
        audio_out_sample_rate=SAMPLE_RATE,
        audio_out_10ms_chunks=2,
    )


async def bot(runner_args: RunnerArguments) -> None:
    """Echo a call until it ends: the signature that Pipecat's runner, and ours, call."""
    transport: BaseTransport = await create_transport(runner_args, {"webrtc": _params})
    worker = PipelineWorker(
        Pipeline([transport.input(), Echo(), transport.output()]),
        params=PipelineParams(audio_in_sample_rate=SAMPLE_RATE, audio_out_sample_rate=SAMPLE_RATE),
        idle_timeout_secs=None,  # an echo has no turns by which it could seem idle
    )

    @transport.event_handler("on_client_disconnected")
    async def _gone(_transport: BaseTransport, _client: object) -> None:
        await worker.cancel(reason="the client disconnected")

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
