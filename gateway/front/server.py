"""Serving: uvicorn, and a clean end on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.front.app import create_app
from gateway.front.listening import Listener, listen
from gateway.front.running import Gateway, running
from gateway.settings import Settings

_LAST_REQUESTS_SECONDS = 3
MAX_WAITING = 256
"""Connections that have sent no whole request: clients need a few, a process has 1,024 descriptors."""


class _Connection(H11Protocol):
    """uvicorn gives a first request for ever to come, and takes any number of connections that send none."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, and where too many wait already, drop the one that has waited longest."""
        super().connection_made(transport)
        self.made_at = self.loop.time()
        waiting = [c for c in self.connections if isinstance(c, _Connection) and c.is_waiting()]
        if len(waiting) > MAX_WAITING:
            min(waiting, key=lambda c: c.made_at).transport.abort()

    def is_waiting(self) -> bool:
        """Whether the other end has a request to send still, or the rest of one."""
        return self.conn.their_state in {h11.IDLE, h11.SEND_BODY} and not self.transport.is_closing()


class _Server(uvicorn.Server):
    """uvicorn raises a signal again once it has served; ours ends with exit status 0 instead."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

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
    """Run the gateway until SIGINT or SIGTERM.

    Args:
        settings: the gateway's.
        on_ready: called once requests are answered.

    Raises:
        ConfigError: a setting that cannot work.
    """
    listener = listen(settings.host, settings.port)
    with listener.sock as sock:
        async with running(settings, port=listener.port, lan=listener.lan) as gateway:
            config = uvicorn.Config(
                create_app(gateway),
                log_config=None,
                access_log=False,
                server_header=False,
                http=_Connection,  # on h11: the other one takes headers of any size
                proxy_headers=False,  # the socket's own addresses are the truth here
                lifespan="off",
                timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
                h11_max_incomplete_event_size=16_384,
            )
            server = _Server(config, gateway.stop_accepting)
            serving = asyncio.create_task(server.serve(sockets=[sock]), name="http")
            while not server.started and not serving.done():  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # uvicorn tells by a flag only
            if not serving.done():
                on_ready(gateway, listener)
            await serving
