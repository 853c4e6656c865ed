"""The echo bot: says back what it hears, 20 ms at a time, as fast as the media path allows."""

from __future__ import annotations

import math
import time

from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments

from gateway.bots.call import PIPELINE, hold, open_transport

_FRAME = 0.020
_MOST = 0.100
"""Seconds of sound that may wait to be said: what redundancy brings at once after a burst of losses (protocol.md), or
what comes late by a scheduler's whim, but not what a stall held back."""
_LOOK = 50
"""Frames, after which what has waited all the while is known to be of no use."""


class Backlog:
    """Keeps an echo from falling behind: where sound comes faster than it is said, some of it is left out.

    It comes so after a stall, all at once; or from a device whose clock is faster than ours; or after one late frame,
    in whose place silence was sent. All that waits makes everything after it late for the rest of the call.
    """

    def __init__(self) -> None:
        self._waiting = 0.0
        self._at = -math.inf
        self._over = False
        self._least = math.inf
        self._seen = 0
        self._spare = 0

    def takes(self, now: float) -> bool:
        """Whether the 20 ms that come at `now`, in monotonic seconds, are to be said."""
        self._waiting = max(0.0, self._waiting - (now - self._at))
        self._at = now
        self._over = self._waiting > (_FRAME / 2 if self._over else _MOST)
        takes = not (self._over or self._lasts())
        if takes:
            self._waiting += _FRAME
        return takes

    def _lasts(self) -> bool:
        """Whether it is one of as many as have waited for a whole second, half of one counted as one."""
        self._least = min(self._least, self._waiting)
        self._seen += 1
        if self._seen == _LOOK:
            self._spare = round(self._least / _FRAME)
            self._least, self._seen = math.inf, 0
        lasts = self._spare > 0
        self._spare -= lasts
        return lasts


class Echo(FrameProcessor):
    """Input audio becomes output audio; everything else passes."""

    def __init__(self, *, enable_direct_mode: bool = False) -> None:
        super().__init__(enable_direct_mode=enable_direct_mode)
        self._backlog = Backlog()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn audio round."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            if not self._backlog.takes(time.monotonic()):
                return
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
