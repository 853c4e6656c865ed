"""In the manner of the telephony examples: one bot for every provider, which says back what it hears."""

from __future__ import annotations

from typing import Any

from pipecat.frames.frames import (
    EndWorkerFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    OutputAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments, WebSocketRunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams
from pipecat.workers.runner import WorkerRunner


def on_phone() -> FastAPIWebsocketParams:
    return FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True)


PARAMS = {
    "webrtc": lambda: TransportParams(audio_in_enabled=True, audio_out_enabled=True),
    **dict.fromkeys(("twilio", "telnyx", "plivo", "exotel"), on_phone),
}


class Mirror(FrameProcessor):
    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        if isinstance(frame, InputDTMFFrame):
            print(f"EVENT digit {frame.button.value}", flush=True)
            await self.push_frame(EndWorkerFrame())
            return
        await self.push_frame(frame, direction)


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
    if isinstance(runner_args, WebSocketRunnerArguments):
        assert runner_args.call_data is not None
        assert runner_args.cli_args is not None
        given = (runner_args.transport_type, runner_args.body, runner_args.cli_args.transport)
        print(f"EVENT {given} {runner_args.call_data.model_dump(exclude_none=True)}", flush=True)
    await run_bot(transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
