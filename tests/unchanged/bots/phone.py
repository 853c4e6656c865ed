"""In the manner of the telephony examples: one bot for every provider, which says back what it hears."""

from __future__ import annotations

from pipecat.frames.frames import (
    EndWorkerFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    OutputAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments, WebSocketRunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams

from tests.unchanged.bots import usual


def on_phone() -> FastAPIWebsocketParams:
    return FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True)


PARAMS = {
    **usual.TALKS,
    **dict.fromkeys(("twilio", "telnyx", "plivo", "exotel"), on_phone),
}


class Mirror(FrameProcessor):
    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        if isinstance(frame, InputDTMFFrame):
            usual.tell(f"digit {frame.button.value}")
            await self.push_frame(EndWorkerFrame())
            return
        await self.push_frame(frame, direction)


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, PARAMS)
    if isinstance(runner_args, WebSocketRunnerArguments):
        assert runner_args.call_data is not None
        assert runner_args.cli_args is not None
        given = (runner_args.transport_type, runner_args.body, runner_args.cli_args.transport)
        usual.tell(f"{given} {runner_args.call_data.model_dump(exclude_none=True)}")
    worker = usual.work(Pipeline([transport.input(), Mirror(), transport.output()]), runner_args)
    await usual.run(worker, transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
