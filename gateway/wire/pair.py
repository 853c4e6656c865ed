"""One end of the socket pair between a call's media and its bot. Nothing here waits for the other end."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from time import perf_counter, thread_time
from typing import Any, Final

from gateway.wire.frames import Frame, FrameError, Kind, Reader, encode, encode_message

MAX_WAITING: Final = 1 << 20
"""Bytes of messages that wait for an end that does not read, until it counts as broken."""
MAX_SOUND_WAITING: Final = 500
"""Frames of what is heard that may wait likewise; of more the oldest are dropped. Ten seconds: a bot that starts while
the machine is busy, or stands still for a while, hears late what was said, but all of it."""
MAX_SAID_WAITING: Final = 50
"""The same of what a bot says, which has it in larger frames."""
_CHUNK: Final = 1 << 16
LAST_WORDS_SECONDS: Final = 1.0
"""In which what an end that is gone had sent is read."""
GONE: Final = "it is gone"
"""Begins the reason where the other end has closed, or ended; any other is a fault of its."""
_LEAST_COST: Final = 200
_MESSAGE_COST: Final = 2_000
"""A short message has a front told of it, which takes many times what it takes to read it."""
MOST_FRAMES: Final = 20
"""That are taken in one turn of the event loop, which belongs to the calls beside this one as well."""
MOST_SECONDS: Final = 0.002
"""Likewise."""
MOST_CPU: Final = 0.25
"""The share of a core that frames may take where there is a budget: the bot's sound, encoded, takes a twentieth."""


class Pair:
    """Sends and takes frames over a connected stream socket, which is this end's from now on.

    Args:
        sock: one end of a socket pair.
        take: is given each frame that comes; raises FrameError for one that the other end may not send.
        broken: is called once, when the other end is gone or sends what is no frame; with the reason.
        budget: bytes that are read in a second, where the other end may have to wait; a frame counts as 200 at least,
            a message as 2,000. What they take of a core is bounded likewise.
    """

    def __init__(
        self,
        sock: socket.socket,
        take: Callable[[Frame], None],
        broken: Callable[[str], None],
        *,
        budget: int | None = None,
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._take = take
        self._broken = broken
        self._reader = Reader()
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Kind, bytes]] = deque()
        self._partial = b""
        self._sounds = 0
        self._bytes = 0
        self.closed = False
        self._deaf = False  # the other end
        self.dropped = 0
        """Frames of sound that the other end was too slow for."""
        self._budget = budget
        self._second, self._spent, self._cpu = 0, 0, 0.0
        self._unread: deque[Frame] = deque()
        self._reads = True
        self._loop.add_reader(sock, self._readable)

    def sound(self, kind: Kind, pcm: bytes, rate: int) -> None:
        """Send mono 16-bit PCM: HEARD or SAID."""
        self._send(kind, encode(kind, pcm, rate, self._loop.time()))

    def signal(self, kind: Kind) -> None:
        """Send SILENCE, HOLD, CLEAR or BEAT."""
        self._send(kind, encode(kind, at=self._loop.time()))

    def message(self, value: dict[str, Any]) -> None:
        """Send a JSON object; raises FrameError where it is too long."""
        self._send(Kind.MESSAGE, encode_message(value, self._loop.time()))

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the other end that what can be done without should be left out."""
        return self._bytes > MAX_WAITING // 2

    def close(self) -> None:
        """Close this end, when what waits is gone as far as it goes at once. Idempotent."""
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock.close()

    def _send(self, kind: Kind, data: bytes) -> None:
        if self.closed or self._deaf:
            return
        if self._partial or self._waiting:
            self._queue(kind, data)
            return
        sent = self._write(data)
        if sent < len(data) and not self._deaf:
            self._partial = data[sent:]
            self._loop.add_writer(self._sock, self._writable)

    def _write(self, data: bytes) -> int:
        try:
            return self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._has_gone(f"{GONE}: {error.strerror}")
            return 0

    def _has_gone(self, reason: str) -> None:
        """Its end can't be written to any more: what it said last may still be unread, and ends with it."""
        self._deaf = True
        self._loop.remove_writer(self._sock)
        self._loop.call_later(LAST_WORDS_SECONDS, self._break, reason)

    def _queue(self, kind: Kind, data: bytes) -> None:
        self._waiting.append((kind, data))
        self._bytes += len(data)
        if kind in {Kind.HEARD, Kind.SAID}:
            self._sounds += 1
            if self._sounds > (MAX_SOUND_WAITING if kind is Kind.HEARD else MAX_SAID_WAITING):
                self._drop_oldest_sound()
        elif self._bytes > MAX_WAITING:
            self._break(f"it has not read for {self._bytes} bytes")

    def _drop_oldest_sound(self) -> None:
        for index, (kind, data) in enumerate(self._waiting):
            if kind in {Kind.HEARD, Kind.SAID}:
                del self._waiting[index]
                self._bytes -= len(data)
                break
        self._sounds -= 1
        self.dropped += 1

    def _writable(self) -> None:
        while not (self.closed or self._deaf):
            if not self._partial:
                if not self._waiting:
                    self._loop.remove_writer(self._sock)
                    return
                kind, self._partial = self._waiting.popleft()
                self._bytes -= len(self._partial)
                self._sounds -= kind in {Kind.HEARD, Kind.SAID}
            sent = self._write(self._partial)
            if sent == 0:
                return
            self._partial = self._partial[sent:]

    def _readable(self) -> None:
        try:
            data = self._sock.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._break(f"{GONE}: {error.strerror}")
            return
        if not data:
            self._break(GONE)
            return
        try:
            self._unread.extend(self._reader.feed(data))
        except FrameError as error:
            self._break(str(error))
            return
        if self._budget is not None:
            self._spent += len(data)
        self._take_some()

    def _take_some(self) -> None:
        """Take some of what was read; nothing more is read until all of it is taken, and the other end waits."""
        budget, unread, count = self._budget, self._unread, 0
        cpu = 0.0 if budget is None else thread_time()
        began = perf_counter()
        try:
            while unread and count < MOST_FRAMES and (not count or perf_counter() - began < MOST_SECONDS):
                frame = unread.popleft()
                count += 1
                if budget is not None:
                    least = _MESSAGE_COST if frame.kind is Kind.MESSAGE else _LEAST_COST
                    self._spent += max(0, least - len(frame.body))
                self._take(frame)
                if self.closed:
                    return
        except FrameError as error:
            self._break(str(error))
        finally:  # whatever a frame led to, the next is taken
            if not self.closed:
                self._go_on(0.0 if budget is None else thread_time() - cpu)

    def _go_on(self, took: float) -> None:
        """With the rest once its share of a core allows, or in the next second where it was too much for this one."""
        if self._budget is not None and self._is_too_much(took, self._budget):
            self._pause()
            self._loop.call_at(self._second + 1, self._resume)
        elif self._unread:
            self._pause()
            self._loop.call_later(took * (1 / MOST_CPU - 1), self._resume)
        elif not self._reads:
            self._reads = True
            self._loop.add_reader(self._sock, self._readable)

    def _is_too_much(self, took: float, budget: int) -> bool:
        now = self._loop.time()
        if int(now) != self._second:  # what was read in the last second has been counted there
            self._second, self._spent, self._cpu = int(now), 0, 0.0
        self._cpu += took
        return self._spent > budget or self._cpu > MOST_CPU

    def _pause(self) -> None:
        if self._reads:
            self._reads = False
            self._loop.remove_reader(self._sock)

    def _resume(self) -> None:
        if not self.closed:
            self._take_some()

    def _break(self, reason: str) -> None:
        if not self.closed:
            self.close()
            self._broken(reason)
