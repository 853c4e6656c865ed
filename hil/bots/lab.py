"""The rig's bot: says back what it hears, and keeps both as WAV files. Runs in any Pipecat runner."""

from __future__ import annotations

import os
import time
import wave
from pathlib import Path

import numpy as np
from pipecat.frames.frames import CancelFrame, EndFrame, Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner

_RATE = 16_000
_AUDIBLE = 60  # of 32,767
_HANGOVER = 10  # blocks of 20 ms
_LONGEST = 10 * 60 * _RATE * 2  # bytes: ten minutes


class Echo(FrameProcessor):
    """Turns audio round, and remembers it."""

    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)
        self.heard = bytearray()
        self._quiet = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Send what is to be heard back; everything else passes."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            if len(self.heard) < _LONGEST:
                self.heard += frame.audio
            if self._is_silent(frame.audio):
                return
            frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        elif isinstance(frame, EndFrame | CancelFrame):
            self.save()
        await self.push_frame(frame, direction)

    def _is_silent(self, audio: bytes) -> bool:
        """After 0.2 s of silence nothing goes back: what a stall left standing in queues is gone by the next sound."""
        loud = np.abs(np.frombuffer(audio, "<i2").astype(np.int32)).max(initial=0) > _AUDIBLE
        self._quiet = 0 if loud else self._quiet + 1
        return self._quiet > _HANGOVER

    def save(self) -> None:
        """Write what was heard to the rig's folder, named for when it ended."""
        folder = os.environ.get("HIL_RECORDINGS")
        if folder is None or not self.heard:
            return
        with wave.open(str(Path(folder) / f"{time.monotonic():.3f}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(_RATE)
            file.writeframes(bytes(self.heard))
        self.heard.clear()


async def bot(runner_args: RunnerArguments) -> None:
    """Echo a call until the client leaves."""
    transport = await create_transport(runner_args, {"webrtc": _params})
    echo = Echo()
    worker = PipelineWorker(
        Pipeline([transport.input(), echo, transport.output()]),
        params=PipelineParams(audio_in_sample_rate=_RATE, audio_out_sample_rate=_RATE),
        idle_timeout_secs=None,
        enable_turn_tracking=False,
    )

    async def gone(_transport: BaseTransport, _client: object) -> None:
        await worker.cancel()

    transport.add_event_handler("on_client_disconnected", gone)
    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    try:
        await runner.run()
    finally:
        echo.save()


def _params() -> TransportParams:
    return TransportParams(
        audio_in_enabled=True,
        audio_in_sample_rate=_RATE,
        audio_out_enabled=True,
        audio_out_sample_rate=_RATE,
        audio_out_10ms_chunks=2,
    )
