"""In the manner of video-processing: what is seen and heard comes back."""

from __future__ import annotations

from typing import Any

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputImageRawFrame,
    OutputAudioRawFrame,
    OutputImageRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import BaseTransport, TransportParams, VideoInSourceParams
from pipecat.workers.runner import WorkerRunner

PARAMS = {
    "webrtc": lambda: TransportParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        video_in_enabled=True,
        video_in_sources={"camera": VideoInSourceParams(), "screenVideo": VideoInSourceParams()},
        video_out_enabled=True,
        video_out_is_live=True,
        video_out_width=320,
        video_out_height=240,
    )
}


class Mirror(FrameProcessor):
    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str | None] = set()

    def _see(self, source: str | None) -> None:
        if source not in self._seen:
            self._seen.add(source)
            print(f"EVENT sees {source}", flush=True)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            back: Frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        elif isinstance(frame, InputImageRawFrame):
            self._see(frame.transport_source)
            back = OutputImageRawFrame(image=frame.image, size=frame.size, format=frame.format)
        else:
            back = frame
        await self.push_frame(back, direction)


async def run_bot(transport: BaseTransport, runner_args: RunnerArguments) -> None:
    worker = PipelineWorker(
        Pipeline([transport.input(), Mirror(), transport.output()]), idle_timeout_secs=None
    )

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_transport: BaseTransport, _client: Any) -> None:
        print("EVENT connected", flush=True)

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport: BaseTransport, _client: Any) -> None:
        print("EVENT disconnected", flush=True)
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
    print("EVENT ended", flush=True)


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, PARAMS)
    await run_bot(transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
