"""The baseline's bot: what a Pipecat user writes to have a device's speech sent back to it."""

from __future__ import annotations

import threading

from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import SmallWebRTCRunnerArguments
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.workers.runner import WorkerRunner


class Echo(FrameProcessor):
    """Turns audio in into audio out."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything on, input audio as output audio."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        await self.push_frame(frame, direction)


def _hog() -> None:
    while True:
        pass


async def bot(runner_args: SmallWebRTCRunnerArguments) -> None:
    """Echo until the client leaves; for the device that is called so, a thread takes all that it can get as well."""
    if (runner_args.body or {}).get("device", {}).get("id") == "hog":
        threading.Thread(target=_hog, name="hog", daemon=True).start()
    params = TransportParams(audio_in_enabled=True, audio_out_enabled=True, audio_out_10ms_chunks=2)
    transport = SmallWebRTCTransport(runner_args.webrtc_connection, params)
    worker = PipelineWorker(
        Pipeline([transport.input(), Echo(), transport.output()]),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=16_000),
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_client_disconnected")  # type: ignore[untyped-decorator]
    async def gone(_transport: SmallWebRTCTransport, _client: object) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
