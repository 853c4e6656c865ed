"""A worker process: calls live here, away from HTTP and from each other's processes.

Started as `python -m gateway.media.main FD`, with one end of a socket pair as its file descriptor. The settings come
over it, so that nothing secret stands in argv. The process ends when the other side lets it go;
where that has died, its calls wait a while for another to take them over (`post`).
"""

from __future__ import annotations

import asyncio
import importlib
import math
import resource
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from gateway.errors import GatewayError
from gateway.logs import set_up as set_up_logs
from gateway.media.bots import Bots
from gateway.media.packs import Packs
from gateway.media.post import Post
from gateway.settings import Settings
from gateway.wire.calls import (
    ASKED,
    EndCall,
    KeptCalls,
    LineMessage,
    OfferCall,
    PhoneCall,
    RenegotiateCall,
    SessionEvent,
    Wire,
    dump,
)
from gateway.wire.ipc import Channel
from ground import garbage, priority

if TYPE_CHECKING:
    from gateway.media.host import Host

HEARTBEAT_SECONDS = 0.5
ALARM_SILENCES = 4
"""Of `media_silence_s` without a heartbeat, after which the system ends a worker that no front has ended."""
DRAIN_SECONDS = 30
LOOK_SECONDS = 0.5
"""How often a process without a front looks whether its calls are over."""
_REQUESTS: dict[str, type[Wire]] = {
    "offer": OfferCall,
    "phone": PhoneCall,
    "renegotiate": RenegotiateCall,
    "end": EndCall,
}
"""What `Host` is asked for, by the names of its methods."""
_RSS_UNIT = 1 << 20 if sys.platform == "darwin" else 1 << 10
"""Of these make a megabyte: getrusage counts bytes on macOS and kilobytes elsewhere."""


class Worker:
    """One host behind a channel."""

    def __init__(self) -> None:
        self._host: Host | None = None
        self._channel: Channel | None = None
        self._post: Post | None = None
        self._number = 0
        self._front_lost_s = 0.0
        self._let_go = False
        self._alarm = 0

    async def run(self, sock: socket.socket) -> None:
        """Serve until the front process lets go, or has died and no other has come for the calls that there are."""
        heart = asyncio.create_task(self._beat(), name="heartbeat")
        front: socket.socket | None = sock
        try:
            while front is not None:
                self._channel = await Channel.over(front, handle=self._handle, on_event=self._take)
                await self._channel.run()
                front = await self._next_front()
        finally:
            heart.cancel()
            signal.alarm(DRAIN_SECONDS)
            if self._post is not None:
                await self._post.close()
            if self._host is not None:
                await self._host.drain("stopping")

    async def _next_front(self) -> socket.socket | None:
        """Another front, for the calls that go on without one."""
        if self._host is None or self._post is None or self._let_go:
            return None
        self._host.hang_up_lines()
        deadline = time.monotonic() + self._front_lost_s
        while self._host.calls and (left := deadline - time.monotonic()) > 0:
            if (found := await self._post.next_front(min(left, LOOK_SECONDS))) is not None:
                return found
        return None

    async def _beat(self) -> None:
        due = time.monotonic()
        while True:
            signal.alarm(self._alarm)
            late = max(0.0, time.monotonic() - due)
            if self._channel is not None:
                took = {"rss_mb": rss_mb(), "cpu_s": time.process_time(), "late_s": late}
                self._channel.event("beat", took)
            due = time.monotonic() + HEARTBEAT_SECONDS
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _handle(self, name: str, body: dict[str, Any]) -> Any:
        if name == "start":
            return await self._start(body)
        if self._host is None:
            raise GatewayError(f"{name} before start")
        if name == "drain":
            self._let_go = True
            return await self._host.drain(body["reason"])
        if name == "adopt":
            return dump(KeptCalls(worker=self._number, calls=[s.kept() for s in self._host.calls]))
        if (asked := ASKED.get(name)) is not None:
            return await self._host.ask(asked.told(body))
        if name not in _REQUESTS:
            raise GatewayError(f"no request is called {name}")
        method: Callable[[Wire], Awaitable[Wire | None]] = getattr(self._host, name)
        result = await method(_REQUESTS[name].told(body))
        return None if result is None else dump(result)

    def _take(self, name: str, body: dict[str, Any]) -> None:
        if name == "heard" and self._host is not None:
            self._host.heard(LineMessage.told(body))

    async def _start(self, body: dict[str, Any]) -> None:
        settings = Settings.model_validate(body["settings"])
        set_up_logs(settings, worker=body["worker"])
        with garbage.left_alone():
            host = await _host(settings, self._emit, _bots(settings, body["worker"]), again=body["again"])
        self._host = host
        self._number = body["worker"]
        self._front_lost_s = settings.limits.front_lost_s
        self._post = Post(settings.data_dir)
        self._post.open()
        self._alarm = math.ceil(ALARM_SILENCES * settings.limits.media_silence_s)
        signal.alarm(self._alarm)  # its default action needs no interpreter, which a bot may hold

    def _emit(self, event: SessionEvent) -> None:
        if self._channel is not None:
            self._channel.event("session", dump(event))


async def _host(
    settings: Settings, emit: Callable[[SessionEvent], None], bots: Bots | Packs, *, again: bool
) -> Host:
    """The host of this process's calls. The bots' template and this process import what they need side by side."""
    starting = asyncio.create_task(bots.start(again=again), name="bots")
    module = await asyncio.to_thread(importlib.import_module, "gateway.media.host")
    await starting
    host: Host = module.Host(settings, emit, bots)
    await host.look()
    return host


def _bots(settings: Settings, worker: int) -> Bots | Packs:
    bots = Bots(settings, worker=worker)
    size = settings.calls_per_bot_process
    return bots if size == 1 else Packs(bots, size)


def rss_mb() -> float:
    """Resident memory of this process in MB: now where /proc tells, else its peak."""
    try:
        with open("/proc/self/statm") as statm:  # noqa: PTH123 -- twice a second
            return int(statm.read().split()[1]) * resource.getpagesize() / (1 << 20)
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _RSS_UNIT


def main() -> None:
    """Run a worker on the file descriptor that the front process passed."""
    priority.go_first()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the front's to handle
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sock = socket.socket(fileno=int(sys.argv[1]))
    asyncio.run(Worker().run(sock))


if __name__ == "__main__":
    main()
