"""Every private detail of Pipecat's pipelines and transport that we touch, each on one bot, never for all.

Checked against the version below; `tests/bot/test_stock.py` fails when it moves.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable

from aiortc.mediastreams import MediaStreamError
from pipecat.frames.frames import EndFrame, Frame, InputAudioRawFrame
from pipecat.pipeline.worker import IDLE_TIMEOUT_SECS, PipelineWorker
from pipecat.processors.frame_processor import FrameCallback, FrameDirection, FrameProcessor
from pipecat.services.stt_service import SegmentedSTTService, STTService
from pipecat.transports.smallwebrtc import transport as smallwebrtc

CHECKED = {"pipecat-ai": "1.14.0"}


def divert(track: smallwebrtc.RawAudioTrack, write: Callable[[bytes, int], asyncio.Future[bool]]) -> None:
    """Have what a bot writes to its output track come to `write(pcm, sample_rate)` instead of a queue."""
    track.add_audio_bytes = lambda audio_bytes: write(audio_bytes, track._sample_rate)  # type: ignore[method-assign]


def shorten(worker: PipelineWorker, rate: int) -> None:
    """Give a device's audio the short way into this pipeline and out of it; to be called before it is set up.

    In: mono PCM of this rate is pushed as it comes from `read()` of the device's track. On Pipecat's own way it is
    wrapped into an AudioFrame, unwrapped, and handed from task to task through two waits with a time-out. That way is
    left where there is something to do on it: another rate, two channels, a filter. Out: the transport only sorts
    frames into queues of its own, so it needs none to stand before it, but for the last one.
    """
    for source in worker._iter_processors(worker.pipeline, smallwebrtc.SmallWebRTCInputTransport):
        _read_pcm(source, rate)
    for sink in worker._iter_processors(worker.pipeline, smallwebrtc.SmallWebRTCOutputTransport):
        sink._enable_direct_mode = True
        _end_apart(sink)


def _end_apart(sink: FrameProcessor) -> None:
    """Have the end wait for all that is still to be said without who pushes it waiting too.

    It may have more to push meanwhile: a pipeline of parallel branches holds back all else until its end is taken.
    """
    stock = sink.queue_frame

    async def queue_frame(
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
        callback: FrameCallback | None = None,
    ) -> None:
        if isinstance(frame, EndFrame):
            sink.create_task(stock(frame, direction, callback), name=f"{sink}::end")
        else:
            await stock(frame, direction, callback)

    sink.queue_frame = queue_frame  # type: ignore[method-assign]


def has_use_for_silence(worker: PipelineWorker) -> bool:
    """Whether something in this pipeline may want sound that is plain silence.

    A recogniser that streams to a service counts its time by it, a recorder keeps it, a model that speaks and hears
    decides by it, and so may whatever its author wrote to look at frames: processor, observer or event handler.
    Pipecat's transports, detectors of voice and turns, recognisers of whole segments, and all that never sees sound, do
    without.
    """
    return any(
        _is_anothers(type(p))
        or _wants_silence(type(p))
        or any(p._event_handlers[on].handlers for on in _EVENTS)
        for p in worker._iter_processors(worker.pipeline, FrameProcessor)
    ) or any(_is_anothers(type(observer)) for observer in worker._observer._observers)


def _is_anothers(kind: type) -> bool:
    """Whether somebody who is neither Pipecat nor we wrote what it does with frames."""
    return any(not base.__module__.startswith(_KNOWN) and _SEES & vars(base).keys() for base in kind.__mro__)


def _wants_silence(kind: type[FrameProcessor]) -> bool:
    if issubclass(kind, STTService):
        return not issubclass(kind, SegmentedSTTService) and not kind.__module__.startswith("gateway.")
    return any(_looks_at_sound(base.__module__) for base in kind.__mro__ if issubclass(base, FrameProcessor))


def _looks_at_sound(module: str) -> bool:
    if not module.startswith(_KNOWN) or module.startswith(_WITHOUT_SILENCE):
        return False
    return any(name in vars(sys.modules[module]) for name in _SOUND)


_KNOWN = ("pipecat.", "gateway.")
_SEES = {
    *("process_frame", "queue_frame", "push_frame", "process_audio_frame", "push_audio_frame"),
    *("on_process_frame", "on_push_frame"),
}
_EVENTS = [f"on_{when}_{what}_frame" for when in ("before", "after") for what in ("process", "push")]
_SOUND = ("InputAudioRawFrame", "UserAudioRawFrame", "AudioRawFrame")
_WITHOUT_SILENCE = (
    "pipecat.transports.",
    "pipecat.processors.aggregators.",
    "pipecat.processors.frameworks.rtvi",
    "gateway.speech.pauses",
)


def stay_while_idle(worker: PipelineWorker) -> None:
    """Have a pipeline stay that has Pipecat's own idle time-out, which most bots leave as it is.

    A device stays connected while nobody speaks. A time-out of the author's choice holds, and so does what a bot does
    in `on_idle_timeout`.
    """
    if worker._idle_timeout_secs == IDLE_TIMEOUT_SECS:
        worker._cancel_on_idle_timeout = False


def _read_pcm(transport: smallwebrtc.SmallWebRTCInputTransport, rate: int) -> None:
    client, params = transport._client, transport._params
    stock = client.read_audio_frame

    async def read_audio_frame() -> AsyncIterator[InputAudioRawFrame]:
        if (client._in_sample_rate, client._audio_in_channels) != (rate, 1):
            async for frame in stock():
                yield frame
            return
        while True:
            if client._audio_input_track is None:
                await asyncio.sleep(0.01)
                continue
            try:
                pcm = await client._audio_input_track.read()
            except MediaStreamError:
                client._audio_input_track = None  # until the connection is restarted
                continue
            yield InputAudioRawFrame(pcm, rate, 1)

    async def push_audio_frame(frame: InputAudioRawFrame) -> None:
        if params.audio_in_enabled and not transport._paused:
            await transport.push_frame(frame)

    client.read_audio_frame = read_audio_frame  # type: ignore[method-assign]
    if params.audio_in_filter is None and params.audio_in_passthrough:
        transport.push_audio_frame = push_audio_frame  # type: ignore[method-assign]
        transport._create_audio_task = _without_task  # type: ignore[method-assign]


def _without_task() -> None:
    """What it would wait for never comes, and it looks twice a second."""
