"""Serving: the sockets, uvicorn, and a clean end on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.errors import ConfigError
from gateway.front import discovery
from gateway.front.app import create_app
from gateway.front.running import Gateway, running
from gateway.settings import Settings

_BACKLOG = 128
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


def listen(host: str, port: int) -> socket.socket:
    """Bind the HTTP socket; `::` takes IPv4 too, and falls back to it where there is no IPv6.

    Raises:
        ConfigError: the address is not ours, or the port is taken.
    """
    try:
        if host == "::":
            with contextlib.suppress(OSError):
                return _bind(host, port, socket.AF_INET6, dualstack=socket.has_dualstack_ipv6())
            return _bind("0.0.0.0", port, socket.AF_INET)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return _bind(host, port, family)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            remedy="stop what uses the port, or choose another with --port",
        ) from error


def _bind(host: str, port: int, family: socket.AddressFamily, *, dualstack: bool = False) -> socket.socket:
    return socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=dualstack)


def is_loopback(host: str) -> bool:
    """Whether a listener on this address is for this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def serve(settings: Settings, on_ready: Callable[[Gateway, int], None]) -> None:
    """Run the gateway until SIGINT or SIGTERM.

    Args:
        settings: the gateway's.
        on_ready: called with the port once requests are answered.

    Raises:
        ConfigError: a setting that cannot work.
    """
    with listen(settings.host, settings.port) as sock:
        port: int = sock.getsockname()[1]
        lan: list[str] | None = [] if is_loopback(settings.host) else None
        async with running(settings, port=port, lan=lan) as gateway:
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
                on_ready(gateway, port)
            await serving


def urls(settings: Settings, port: int) -> list[str]:
    """Where a browser finds the page: this machine first, then the LAN."""
    found = [f"http://localhost:{port}"]
    if not is_loopback(settings.host):
        found += [f"http://{f'[{a}]' if ':' in a else a}:{port}" for a in discovery.lan_addresses()]
    return found
