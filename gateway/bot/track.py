"""What a bot hears, as the track that Pipecat's transport reads."""

from __future__ import annotations

import asyncio
import fractions
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame

SAMPLE_RATE: Final = 16_000
FRAME_SAMPLES: Final = 320
PERIOD: Final = 0.020
MAX_QUEUED: Final = 500
"""Frames (ten seconds) that a bot may leave unread before the oldest are dropped. It reads them faster than they were
said, so that one whose pipeline starts late, or stood still, has soon caught up."""
LATEST_SECONDS: Final = 1.0
"""How late silence may be heard; of what is later there is no more than this."""
REST_SECONDS: Final = 8.0
"""Of silence, after which a bot that may rest hears nothing more: longer than any wait for the end of a turn."""
_SILENCE: Final = bytes(2 * FRAME_SAMPLES)
_TIME_BASE: Final = fractions.Fraction(1, SAMPLE_RATE)


class _Next(asyncio.Future[bytes]):
    """The next of what is heard. Who waits for it goes on in the turn of the event loop in which it comes.

    A future has that wait for the next turn, which costs a wake for each 20 ms. What waits here is a task, of which
    none runs where a frame comes from the pair; else it waits for the next turn as well.
    """

    _waits: tuple[Callable[[Any], object], Context | None] | None = None

    def add_done_callback(self, fn: Callable[[Any], object], /, *, context: Context | None = None) -> None:
        if self._waits is None and not self.done():
            self._waits = (fn, context)
        else:
            super().add_done_callback(fn, context=context)

    def remove_done_callback(self, fn: Callable[[Any], object], /) -> int:
        if self._waits is not None and self._waits[0] == fn:
            self._waits = None
            return 1
        return super().remove_done_callback(fn)

    def come(self, pcm: bytes) -> None:
        """It is here."""
        waits, self._waits = self._waits, None
        self.set_result(pcm)
        if waits is None:
            return
        fn, context = waits
        if context is None or asyncio.current_task(self.get_loop()) is not None:
            super().add_done_callback(fn, context=context)
        else:
            context.run(fn, self)

    def cancel(self, msg: Any | None = None) -> bool:
        self._later()
        return super().cancel(msg)

    def set_exception(self, exception: type | BaseException, /) -> None:
        self._later()
        super().set_exception(exception)

    def _later(self) -> None:
        waits, self._waits = self._waits, None
        if waits is not None:
            super().add_done_callback(waits[0], context=waits[1])


class HeardTrack(MediaStreamTrack):
    """20 ms at a time, 16 kHz, mono, 16 bit. Stands in for Pipecat's SmallWebRTCTrack.

    Args:
        may_rest: whether long silence may be left out, as nothing in the bot's pipelines has use for it.
    """

    kind = "audio"

    def __init__(self, *, may_rest: bool = False) -> None:
        super().__init__()
        self._queue: deque[bytes] = deque(maxlen=MAX_QUEUED)
        self._waiter: _Next | None = None
        self._samples = 0
        self._clock = asyncio.get_running_loop()  # MediaStreamTrack has a `_loop` that is none yet
        self._silent_since: float | None = None
        self._rests_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.may_rest = may_rest

    def put(self, pcm: bytes) -> None:
        """Hand on 640 bytes of PCM."""
        self.hold()
        self._rests_at = None
        self._hand_on(pcm)

    def silence(self) -> None:
        """The client is silent from here on: that is heard, 20 ms at a time, until the next `put` or `hold`."""
        if self._timer is None:
            now = self._clock.time()
            # Half a frame late: what ends it may come a little early or late, and has as much before it.
            self._silent_since = now + PERIOD / 2
            self._rests_at = self._rests_at or now + REST_SECONDS
            self._tick()

    def hold(self) -> None:
        """Nothing is heard, and no time passes, until the next `put` or `silence`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._hand_on(_SILENCE)
        assert self._silent_since is not None
        assert self._rests_at is not None
        self._silent_since = max(self._silent_since + PERIOD, self._clock.time() - LATEST_SECONDS)
        rests = self.may_rest and self._silent_since > self._rests_at
        self._timer = None if rests else self._clock.call_at(self._silent_since, self._tick)

    def _hand_on(self, pcm: bytes) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.come(pcm)
        else:
            self._queue.append(pcm)

    def read(self) -> asyncio.Future[bytes]:
        """The next 640 bytes of PCM.

        Raises:
            MediaStreamError: the call is over.
        """
        if self.readyState != "live":
            raise MediaStreamError
        waiter = _Next(loop=self._clock)
        if self._queue:
            waiter.set_result(self._queue.popleft())
        else:
            self._waiter = waiter
        return waiter

    async def recv(self) -> AudioFrame:
        """The same as a frame, as a bot asks for it that wants another rate than ours.

        Raises:
            MediaStreamError: the call is over.
        """
        return self._frame(await self.read())

    def _frame(self, pcm: bytes) -> AudioFrame:
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME_SAMPLES)
        frame.planes[0].update(pcm)
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._samples
        frame.time_base = _TIME_BASE
        self._samples += FRAME_SAMPLES
        return frame

    def stop(self) -> None:
        super().stop()
        self.hold()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(MediaStreamError())
            self._waiter = None

    def is_enabled(self) -> bool:
        """Always: a client that mutes itself sends silence."""
        return True

    def set_enabled(self, enabled: bool) -> None:
        """There is nothing to switch here."""

    async def discard_old_frames(self) -> None:
        """Drop what no bot has read."""
        self._queue.clear()
