"""A server whose one engine many processes share, over a Unix socket: none of them can hurt another.

What a client sends is bounded, and so is what it doesn't read; nonsense ends its own connection; and whose messages
have cost the engine least time comes next, so that a flood delays nobody else by more than one small piece of work.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol, cast

from gateway.speech.framing import HEADER, FramingError, Kind, Message, Splitter

MAX_CLIENTS = 256
MAX_STREAMS = 1024  # of a client
_MAX_WAITING = 256 << 10  # bytes of a client's that the engine hasn't come to: beyond, its socket isn't read
_MAX_UNREAD = 64 << 10  # bytes of answers, over 1000 transcripts
_OVERHEAD = 200  # bytes that an empty message takes here
_DONE: Answer = (0, Message(Kind.DROP))
PIECE = 6_400  # bytes of audio at a time: 0.2 s, a few ms of work

Answer = tuple[int, Message]
"""Whom to answer, and what."""


class Engine(Protocol):
    """What is shared: its streams are named by the number of a client and that client's own number for it."""

    def handle(self, client: int, message: Message) -> Iterator[Answer | None]:
        """Act on one message; yields the answers to it, and `None` wherever others may have their turn."""

    def leave(self, client: int) -> None:
        """Forget all streams of a client."""


class Client(asyncio.Protocol):
    """One connection: its messages by stream, in turns, until the engine comes to them."""

    def __init__(self, server: Server, number: int) -> None:
        self.number = number
        self.spent = 0.0  # seconds of the engine's
        self.doing: Iterator[Answer | None] | None = None  # a message that the engine has begun with
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._splitter = Splitter()
        self._queues: dict[int, deque[Message]] = {}
        self._streams: set[int] = set()
        self._waiting = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say that the engine is ready, or that there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        if self._server.enter(self):
            self.answer(Message(Kind.READY))
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Queue what came; nonsense ends the connection."""
        began = time.thread_time()
        if not self.has_work:
            self.spent = max(self.spent, self._server.clock)  # who rested has saved up nothing
        try:
            for message in self._splitter.feed(data):
                self._queue(message)
        except FramingError:
            self._abort()
            return
        if self._waiting > _MAX_WAITING and self._transport is not None:
            self._transport.pause_reading()
        self.spent += time.thread_time() - began
        self._server.work.set()

    def _queue(self, message: Message) -> None:
        if message.kind is Kind.START:
            self._streams.add(message.stream)
            if len(self._streams) > MAX_STREAMS:
                raise FramingError(f"more than {MAX_STREAMS} streams")
        queue = self._queues.setdefault(message.stream, deque())
        for piece in _pieces(message):
            queue.append(piece)
            self._waiting += _cost(piece)

    @property
    def has_work(self) -> bool:
        """Whether anything waits for the engine."""
        return self.doing is not None or bool(self._queues)

    def take(self) -> Message:
        """The next message: its streams take turns."""
        stream = next(iter(self._queues))
        queue = self._queues.pop(stream)
        message = queue.popleft()
        if queue:
            self._queues[stream] = queue
        if message.kind is Kind.CLOSE:
            self._streams.discard(stream)
        self._waiting -= _cost(message)
        if self._waiting <= _MAX_WAITING // 2 and self._transport is not None:
            self._transport.resume_reading()
        return message

    def answer(self, message: Message) -> None:
        """Send an answer; a client that doesn't read them is dropped."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(message.encode())
        if self._transport.get_write_buffer_size() > _MAX_UNREAD:
            self._abort()

    def _abort(self) -> None:
        self._forget()
        if self._transport is not None:
            self._transport.abort()

    def _forget(self) -> None:
        self._queues.clear()
        self.doing = None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """Give back what the client had."""
        self._forget()
        self._transport = None
        self._server.leave(self)


class Server:
    """Brings the clients of a listening socket and the engine together."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._clients: dict[int, Client] = {}
        self._last = 0
        self.clock = 0.0  # the `spent` of whoever had the engine last
        self.work = asyncio.Event()

    async def run(self, listener: socket.socket) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        async with await loop.create_server(self.client, sock=listener):
            while True:
                await self.work.wait()
                self._step()
                await asyncio.sleep(0)  # to the sockets

    def client(self) -> Client:
        """A protocol for a new connection."""
        self._last += 1
        return Client(self, self._last)

    def enter(self, client: Client) -> bool:
        """Take a client in; whether there was room."""
        if len(self._clients) >= MAX_CLIENTS:
            return False
        self._clients[client.number] = client
        return True

    def leave(self, client: Client) -> None:
        """A client is gone."""
        if self._clients.pop(client.number, None) is not None:
            self._engine.leave(client.number)

    def _step(self) -> None:
        ready = [client for client in self._clients.values() if client.has_work]
        if not ready:
            self.work.clear()
            return
        client = min(ready, key=lambda c: c.spent)
        self.clock = client.spent
        began = time.thread_time()
        client.doing = client.doing or self._begin(client, client.take())
        if (answer := next(client.doing, _DONE)) is _DONE:
            client.doing = None
        elif answer is not None and answer[0] in self._clients:
            self._clients[answer[0]].answer(answer[1])
        client.spent += time.thread_time() - began

    def _begin(self, client: Client, message: Message) -> Iterator[Answer | None]:
        if message.kind is Kind.PING:
            return iter([(client.number, Message(Kind.PONG))])
        return self._engine.handle(client.number, message)


def _pieces(message: Message) -> Iterator[Message]:
    """A long piece of audio as short ones: between any two of them it may be another's turn."""
    if message.kind is not Kind.AUDIO:
        yield message
        return
    for at in range(0, max(1, len(message.payload)), PIECE):
        yield replace(message, payload=message.payload[at : at + PIECE])


def _cost(message: Message) -> int:
    return HEADER.size + len(message.payload) + _OVERHEAD


def serve(listener: int, engine: Engine) -> None:
    """Serve an inherited listening socket until stdin ends: its other end is the owner's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the owner decides
    inherited = socket.socket(fileno=listener)
    path = Path(inherited.getsockname())
    asyncio.run(_serve(inherited, engine))
    with suppress(OSError):  # an owner that was killed has left it
        path.unlink()
        path.parent.rmdir()


async def _serve(listener: socket.socket, engine: Engine) -> None:
    serving = asyncio.create_task(Server(engine).run(listener), name="serving")
    owner = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(owner), sys.stdin.buffer
    )
    gone = asyncio.create_task(owner.read(), name="owner")
    await asyncio.wait({serving, gone}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
