"""In the manner of video-processing: what is seen and heard comes back."""

from __future__ import annotations

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputImageRawFrame,
    OutputAudioRawFrame,
    OutputImageRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams, VideoInSourceParams

from tests.unchanged.bots import usual

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
            usual.tell(f"sees {source}")

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


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, PARAMS)
    worker = usual.work(Pipeline([transport.input(), Mirror(), transport.output()]), runner_args)
    await usual.run(worker, transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
