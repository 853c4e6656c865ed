"""Serving: uvicorn, and a clean end on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.front.app import create_app
from gateway.front.door import Door, Guest, raise_descriptors
from gateway.front.listening import Listener, listen
from gateway.front.parts import Gateway
from gateway.front.running import running
from gateway.recurring import Recurring
from gateway.settings import Settings
from ground import operator

_LAST_REQUESTS_SECONDS = 3
TELL_SECONDS = 30.0
_MAX_STREAMED = 1 << 18
"""Bytes of a message of a media stream; Exotel's are the largest, with 100 KB of sound in base64."""


class _Stream(WebSocketsSansIOProtocol):
    """A connection that has become a WebSocket. The door counts it on."""

    def __init__(
        self, on_lost: Callable[[], None], source: tuple[str, int] | None, *args: Any, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._on_lost = on_lost
        self._source = source

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Know the client by what a trusted proxy says of it."""
        super().connection_made(transport)
        if self._source is not None:
            self.client = self._source

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the door."""
        super().connection_lost(exc)
        self._on_lost()


class _Connection(H11Protocol, Guest):
    """uvicorn gives a request for ever to come and an answer for ever to be taken; the door does not."""

    _streams = False
    """Whether it has become a WebSocket, whose pings see that the other end is there."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Know the client by what a trusted proxy says of it, and our own address with the link that it is of."""
        super().connection_made(transport)
        if self.source is not None:
            self.client = self.source
        host, port, *_, zone = (*transport.get_extra_info("sockname"), 0)[:4]
        if zone:
            with contextlib.suppress(OSError):  # it has gone meanwhile
                self.server = (f"{host}%{socket.if_indextoname(zone)}", port)

    def data_received(self, data: bytes) -> None:
        """Count it: a large file comes slowly over Wi-Fi."""
        if self.cycle is None or not self.cycle.response_complete:
            self.received += len(data)
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Count it: whoever asks again and again waits for nothing."""
        self.served += 1
        super().on_response_complete()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand it on, to who tells the door of its end."""
        self._streams = True
        self.ws_protocol_class = partial(_Stream, self.on_lost, self.source)  # type: ignore[assignment]
        super().handle_websocket_upgrade(event)

    def is_waiting(self) -> bool:
        """Whether the other end has a request to send still, or the rest of one, or to end what has ended here."""
        ended = self.transport is not None and self.transport.is_closing()
        return not self._streams and (ended or self.conn.their_state in {h11.IDLE, h11.SEND_BODY})

    def unsent(self) -> int:
        """Bytes that the other end has not taken yet."""
        return self.transport.get_write_buffer_size() if self.transport is not None else 0

    def drop(self) -> bool:
        """Close it at once; false where nothing is there to close yet."""
        if self.transport is None:
            return False
        self.transport.abort()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the door."""
        super().connection_lost(exc)
        self.on_lost()


class _Server(uvicorn.Server):
    """uvicorn raises a signal again once it has served; ours ends with exit status 0 instead."""

    def __init__(self, config: uvicorn.Config, door: Door, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._door = door
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the door take the connections, in the place of asyncio's own server."""
        del sockets
        await self.lifespan.startup()
        self.servers = [self._door]  # type: ignore[list-item]  # as far as uvicorn uses one
        self._door.begin(self._connection)
        self.started = True

    def _connection(self) -> Guest:
        return _Connection(self.config, self.server_state, self.lifespan.state)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        yield  # and keeps them to the end of the loop: calls are drained still, and a second signal would kill

    def _stop(self) -> None:
        self._on_stop()
        self.force_exit = self.should_exit  # a second Ctrl-C does not wait for the last requests
        self.should_exit = True


async def serve(settings: Settings, on_ready: Callable[[Gateway, Listener], None]) -> None:
    """Run the gateway until SIGINT or SIGTERM, which end its start as well.

    Args:
        settings: the gateway's.
        on_ready: called once requests are answered.

    Raises:
        ConfigError: a setting that cannot work.
    """
    task = asyncio.create_task(_serve(settings, on_ready), name="serve")
    for number in (signal.SIGINT, signal.SIGTERM):  # until the server has its own
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _serve(settings: Settings, on_ready: Callable[[Gateway, Listener], None]) -> None:
    descriptors = raise_descriptors()
    listener = listen(settings.host, settings.port)
    with listener.sock as sock:
        async with running(settings, port=listener.port, lan=listener.lan) as gateway:
            config = uvicorn.Config(
                create_app(gateway),
                log_config=None,
                access_log=False,
                server_header=False,
                http=_Connection,  # on h11: the other one takes headers of any size
                ws=_Stream if settings.phone is not None else "none",
                ws_max_size=_MAX_STREAMED,
                ws_per_message_deflate=False,  # of sound it makes nothing smaller
                proxy_headers=False,  # the socket's own addresses are the truth here
                lifespan="off",
                timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
                h11_max_incomplete_event_size=16_384,
            )
            door = Door(sock, gateway.certificates.context, descriptors, gateway.proxies.includes)
            server = _Server(config, door, gateway.stop_accepting)
            serving = asyncio.create_task(server.serve(sockets=[sock]), name="http")
            while not server.started and not serving.done():  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # uvicorn tells by a flag only
            telling = asyncio.create_task(
                _tell_commands(listener.port, gateway.operators.secret), name="tell-commands"
            )
            await asyncio.sleep(0)  # by then they are told
            try:
                if not serving.done():
                    on_ready(gateway, listener)
                await serving
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)


async def _tell_commands(port: int, secret: str) -> None:
    """Let our own account's commands be operators, until cancelled.

    Whoever cleans up takes the file away meanwhile: with a session's folder when that ends, or from /tmp by its age.
    """
    trouble = Recurring("commands here need an operator's key: their secret cannot be kept")
    path: Path | None = None
    try:
        while True:
            try:
                path = _told(path, port, secret)
                trouble.over()
            except OSError as error:
                trouble.met(str(error))
            await asyncio.sleep(TELL_SECONDS)
    finally:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if (
                path is not None and path.read_text(encoding="ascii") == secret
            ):  # else it is a later gateway's
                path.unlink()


def _told(path: Path | None, port: int, secret: str) -> Path:
    """Where the secret is, as if it had just been written; raises OSError where it can be kept nowhere."""
    if path is None or not path.exists():
        return operator.keep(port, secret)
    os.utime(path)
    return path
