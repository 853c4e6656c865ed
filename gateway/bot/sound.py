"""The way of sound through a bot's pipeline, past what Pipecat does for each frame and nobody looks at.

Private details of Pipecat's as in `stock`; `tests/bot/test_sound.py` fails when one of them moves. For a bot nothing
changes: its processors, observers and event handlers are given what they would be given, in the same order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any

from loguru import logger
from pipecat.frames.frames import AudioRawFrame, Frame, OutputAudioRawFrame
from pipecat.observers.base_observer import BaseObserver, FrameProcessed, FramePushed
from pipecat.observers.turn_tracking_observer import TurnTrackingObserver
from pipecat.pipeline.pipeline import Pipeline, PipelineSink
from pipecat.pipeline.worker import IdleFrameObserver, PipelineWorker
from pipecat.pipeline.worker_observer import WorkerObserver
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi import RTVIObserver
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.smallwebrtc.transport import SmallWebRTCOutputTransport

Push = Callable[[Frame, FrameDirection], Awaitable[None]]


class _Done:
    """Can be awaited, again and again, and has nothing to do."""

    def __await__(self) -> Generator[None]:
        return
        yield


_DONE = _Done()


def watch_frames(worker: PipelineWorker, see: Callable[[Frame], None]) -> None:
    """Show every frame to `see` each time that a processor of this pipeline pushes it, at once.

    By Pipecat's own means an observer has a queue and a task, which are woken at each step of each frame of sound; so
    those of Pipecat's that would do nothing then are not.
    """
    observer = worker._observer
    on_push_frame, on_process_frame = observer.on_push_frame, observer.on_process_frame
    observers = _Observers(observer)

    def pushed(data: FramePushed) -> Awaitable[None]:
        try:
            see(data.frame)
        except Exception:  # noqa: BLE001 -- what watches must not harm what it watches
            logger.exception("a frame could not be seen: {}", data.frame)
        return on_push_frame(data) if observers.heed(data.frame) else _DONE

    def processed(data: FrameProcessed) -> Awaitable[None]:
        return on_process_frame(data) if observers.heed_each_step() else _DONE

    observer.on_push_frame = pushed  # type: ignore[method-assign,assignment]
    observer.on_process_frame = processed  # type: ignore[method-assign,assignment]


class _Observers:
    """Whether those of a pipeline do anything with a frame; with sound those that Pipecat gives every one do not."""

    def __init__(self, worker_observer: WorkerObserver) -> None:
        self._observer = worker_observer
        self._known: tuple[BaseObserver, ...] = ()
        self._levels: list[RTVIObserver] = []
        self._idle: list[IdleFrameObserver] = []
        self._others = self._steps = False
        self._last: Frame | None = None  # which is asked of at each push

    def heed(self, frame: Frame) -> bool:
        """Whether one of them wants to know that this frame is pushed."""
        if frame is self._last:
            return False
        self._look()
        if self._others or not isinstance(frame, AudioRawFrame):
            return True
        for levels in self._levels:
            if levels._params.user_audio_level_enabled or levels._params.bot_audio_level_enabled:
                return True
        for idle in self._idle:
            if isinstance(frame, idle._idle_timeout_frames):
                return True
        self._last = frame
        return False

    def heed_each_step(self) -> bool:
        """Whether one of them wants to know of each processor that a frame comes to."""
        self._look()
        return self._steps

    def _look(self) -> None:
        """Some may have come or gone."""
        now = tuple(self._observer._proxies or ())
        if now == self._known:
            return
        self._known = now
        self._levels = [one for one in now if type(one) is RTVIObserver]
        self._idle = [one for one in now if type(one) is IdleFrameObserver]
        known = {RTVIObserver, IdleFrameObserver, TurnTrackingObserver}
        self._others = any(type(one) not in known for one in now)
        self._steps = any(type(one).on_process_frame is not BaseObserver.on_process_frame for one in now)


def hasten(worker: PipelineWorker, see: Callable[[Frame], None], has_room: Callable[[float], bool]) -> None:
    """Have sound pass quickly through this pipeline; to be called before it is set up.

    Each processor hands it to the next that does something with it. What says neither that the bot speaks nor that it
    stops, as an echo or a bridge, is written by whoever brings it, as long as there is room, without a task between.

    Args:
        worker: whose pipeline.
        see: as in `watch_frames`.
        has_room: whether so many seconds of sound can be written without waiting.
    """
    observers = _Observers(worker._observer)
    for processor in worker._iter_processors(worker.pipeline, FrameProcessor):
        if type(processor).push_frame is FrameProcessor.push_frame:
            _push_on(processor, observers, see)
    for sink in worker._iter_processors(worker.pipeline, SmallWebRTCOutputTransport):
        sink._media_senders = _Senders(partial(_write_at_once, sink, observers, has_room))


def _push_on(processor: FrameProcessor, observers: _Observers, see: Callable[[Frame], None]) -> None:
    stock = processor.push_frame
    before, after = (processor._event_handlers[f"on_{when}_push_frame"] for when in ("before", "after"))

    onward: Push | None = None

    async def push_frame(frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        nonlocal onward
        if (
            not isinstance(frame, AudioRawFrame)
            or direction is not FrameDirection.DOWNSTREAM
            or before.handlers
            or after.handlers
            or observers.heed(frame)
        ):
            await stock(frame, direction)
            return
        try:
            see(frame)
            onward = onward or _onward(processor)
            if onward is not None:
                await onward(frame, direction)
        except Exception as error:  # noqa: BLE001 -- as Pipecat does
            await processor.push_error(error_msg=f"Uncaught exception: {error}", exception=error)

    processor.push_frame = push_frame  # type: ignore[method-assign]


def _onward(processor: FrameProcessor) -> Push | None:
    """What takes frames from a processor, and is not merely where a pipeline begins or ends."""
    to: Any = processor._next
    while type(to) in _ENDS and not _has_handlers(to):
        if type(to) is Pipeline:
            to = to._source._next
            continue
        push: Push = to._downstream_push_frame
        pipeline = getattr(push, "__self__", None)
        if type(pipeline) is not Pipeline:
            return push
        to = pipeline._next
    return None if to is None else to.queue_frame


_ENDS = (Pipeline, PipelineSink)


def _has_handlers(processor: FrameProcessor) -> bool:
    return any(event.handlers for event in processor._event_handlers.values())


class _Senders(dict[str | None, BaseOutputTransport.MediaSender]):
    """Where an output transport keeps what writes its sound, by destination."""

    def __init__(self, change: Callable[[BaseOutputTransport.MediaSender], None]) -> None:
        super().__init__()
        self._change = change

    def __setitem__(self, destination: str | None, sender: BaseOutputTransport.MediaSender) -> None:
        self._change(sender)
        super().__setitem__(destination, sender)


def _write_at_once(
    sink: SmallWebRTCOutputTransport,
    observers: _Observers,
    has_room: Callable[[float], bool],
    sender: BaseOutputTransport.MediaSender,
) -> None:
    stock = sender.handle_audio_frame
    params = sink._params

    def can_be(frame: OutputAudioRawFrame) -> bool:
        """Whether the sender's task would write it as it is, and at once."""
        return (
            type(frame) is OutputAudioRawFrame
            and frame.sample_rate == sender._sample_rate
            and len(frame.audio) == sender._audio_chunk_size
            and params.audio_out_enabled
            and not (sender._audio_runs or sender._audio_queue._unfinished_tasks or sender._bot_speaking)  # type: ignore[attr-defined]
            and not (sender._mixer or sender._filter)
            and sender._volume * sender._volume_gain == 1.0
            and not observers.heed(frame)
            and has_room(frame.num_frames / frame.sample_rate)
        )

    async def handle_audio_frame(frame: OutputAudioRawFrame) -> None:
        if not can_be(frame):
            await stock(frame)
        elif await write(frame):
            await sink.push_frame(frame)

    async def write(frame: OutputAudioRawFrame) -> bool:
        """Without a time-out: what takes it waits for time to pass, and for nobody."""
        return sink.is_usable and await sink.write_audio_frame(frame)

    sender.handle_audio_frame = handle_audio_frame  # type: ignore[method-assign]
    sender._internal_write_audio_frame = write  # type: ignore[method-assign]
