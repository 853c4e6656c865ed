"""One worker process as the front sees it: started, asked, watched, killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from typing import Any

from loguru import logger

from gateway.errors import GatewayError
from gateway.front.places import memory
from gateway.front.places.headroom import Beat, Headroom
from gateway.front.places.place import Emit
from gateway.recurring import Recurring
from gateway.settings import Settings
from gateway.wire.calls import (
    Answer,
    Asked,
    EndCall,
    KeptCall,
    KeptCalls,
    LineMessage,
    OfferCall,
    PhoneCall,
    RenegotiateCall,
    SessionEvent,
    Unreadable,
    dump,
)
from gateway.wire.ipc import Channel, how_it_ended, peer_pid

START_SECONDS = 90.0
"""For a worker to import Pipecat and load its engines, the first time on a slow machine."""
DRAIN_SECONDS = 8.0
ADOPT_SECONDS = 5.0
SETTLE_SECONDS = 1.0
LOOK_SECONDS = 1.0
"""Between two looks at what its bots hold."""
_STDERR = 2


class Process:
    """One worker process from start to end.

    Args:
        number: which worker this is.
        settings: passed on to it.
        emit: is given its sessions' events.
    """

    def __init__(self, number: int, settings: Settings, emit: Emit) -> None:
        self.number = number
        self.sessions: set[str] = set()
        self.failure: str | None = None
        self._settings = settings
        self._emit = emit
        self._beat_at = time.monotonic()
        self._rss_mb = 0.0
        self._looked_at = 0.0
        self._headroom = Headroom()
        self._pid: int | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._channel: Channel | None = None
        self._serving: asyncio.Task[None] | None = None
        self._killed = False
        self._unread = Recurring("a worker tells what can't be read", and_now="it is left out")
        self.ready = False

    async def start(self, *, again: bool = False) -> None:
        """Start the process and wait until it can take calls.

        Raises:
            ConfigError: the worker says that a setting cannot work.
            Busy: it died or hung before it was ready.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # a file of the working directory is no module of ours, whatever its name
                "-m",
                "gateway.media.main",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=_STDERR,  # `serve --json` is read by scripts: a bot that prints must not stand in between
                env={**os.environ, "LOGURU_AUTOINIT": "False"},  # it sets up its log once it has the settings
                start_new_session=True,
            )
        self._pid = self._process.pid
        channel = await self._open(ours)
        body = {"settings": dump(self._settings), "worker": self.number, "again": again}
        await channel.request("start", body, START_SECONDS)
        self._beat_at = time.monotonic()  # a bot that is slow to import held up the heartbeat as well
        self.ready = True

    async def adopt(self, sock: socket.socket) -> list[KeptCall]:
        """Take over a process that another front has left, over this socket of its own; gives its calls.

        Raises:
            Busy: it has its front still. Unreadable: what it tells of them.
        """
        channel = await self._open(sock)
        kept = KeptCalls.told(await channel.request("adopt", {}, ADOPT_SECONDS))
        self._pid = peer_pid(sock)
        self.number, self.ready = kept.worker, True
        self.sessions = {call.session_id for call in kept.calls}
        return kept.calls

    async def _open(self, sock: socket.socket) -> Channel:
        self._channel = await Channel.over(sock, handle=self._refuse, on_event=self._take)
        self._serving = asyncio.create_task(self._channel.run(), name=f"worker-{self.number}")
        return self._channel

    @staticmethod
    async def _refuse(name: str, _body: dict[str, Any]) -> None:
        raise GatewayError(f"a worker may not ask for {name}")

    def _take(self, name: str, body: dict[str, Any]) -> None:
        self._beat_at = time.monotonic()
        if name == "beat":
            self._rss_mb = body["rss_mb"]
            self._headroom.beat(Beat(self._beat_at, body["cpu_s"], body["late_s"], len(self.sessions)))
            return
        try:
            event = SessionEvent.told(body)
        except Unreadable as error:  # it is of another version, and its calls go on
            self._unread.met(error.message)
            return
        if event.kind == "ended":
            self.sessions.discard(event.session_id)
        elif event.kind == "session":
            self.sessions.add(
                event.session_id
            )  # also one whose offer was given up here, until it has ended there
        self._emit(self.number, event)

    def fault(self) -> str | None:
        """Why this worker must be replaced, or `None` while it is well."""
        limits = self._settings.limits
        if self._pid is None or self._channel is None:
            return "could not be started"
        code = None if self._process is None else self._process.returncode
        if code is not None or self._channel.closed.is_set():
            return "died" if code is None else f"died ({how_it_ended(code)})"
        if time.monotonic() - self._beat_at > limits.media_silence_s:
            return f"is blocked: no heartbeat for {limits.media_silence_s:g} s"
        held = memory.resident_mb(self._pid)
        if (held := self._rss_mb if held is None else held) > limits.media_memory_mb:
            return f"uses {held:.0f} MB, over media_memory_mb = {limits.media_memory_mb}"
        return None

    async def settled(self, fault: str) -> str:
        """The fault, once a process whose socket has closed is gone as well, so that it can be told how it ended."""
        if self._process is not None and self._channel is not None and self._channel.closed.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), SETTLE_SECONDS)
        return self.fault() or fault

    def end_the_greedy(self) -> None:
        """Kill what of its bots holds more than it may."""
        now = time.monotonic()
        if self._pid is None or now < self._looked_at + LOOK_SECONDS:
            return
        self._looked_at = now
        for excess in list(memory.excesses(self._pid)):
            if memory.end(excess, self._pid):
                logger.warning(
                    "worker {}: process {} of a bot was killed, for it holds {:.0f} MB and may have {:.0f}",
                    self.number, excess.pid, excess.held, excess.limit,
                )  # fmt: skip

    @property
    def pid(self) -> int | None:
        """Of the process, once it is started."""
        return self._pid

    @property
    def load(self) -> float:
        """How full it is: 1 and more is full."""
        return self._headroom.load(len(self.sessions), time.monotonic())

    def check_room(self) -> None:
        """Raises Busy where one more call would be at the cost of those that it has."""
        self._headroom.check(len(self.sessions), time.monotonic())

    def excuse(self, seconds: float) -> None:
        """Allow for this long in which the front itself did not run, and heard no heartbeat."""
        self._beat_at += seconds

    async def offer(self, call: OfferCall) -> Answer:
        self.sessions.add(call.session_id)
        self._headroom.begun(time.monotonic())
        try:
            return Answer.told(await self._request("offer", call))
        except BaseException:
            self.sessions.discard(call.session_id)
            raise

    async def phone(self, call: PhoneCall) -> None:
        self.sessions.add(call.session_id)
        try:
            await self._request("phone", call)
        except BaseException:
            self.sessions.discard(call.session_id)
            raise

    def heard(self, message: LineMessage) -> None:
        if self._channel is not None:
            self._channel.event("heard", dump(message))

    async def renegotiate(self, call: RenegotiateCall) -> Answer:
        return Answer.told(await self._request("renegotiate", call))

    async def ask(self, call: Asked) -> None:
        await self._request(call.NAME, call)

    async def end(self, call: EndCall) -> None:
        await self._request("end", call)

    async def _request(self, name: str, call: Any) -> Any:
        assert self._channel is not None
        return await self._channel.request(name, dump(call), self._settings.limits.offer_timeout_s)

    async def stop(self) -> None:
        """End its calls, then the process; kill what does not end in time."""
        if self._channel is not None and not self._channel.closed.is_set() and self.ready:
            with contextlib.suppress(GatewayError):
                await self._channel.request("drain", {"reason": "stopping"}, DRAIN_SECONDS)
        await self.kill()

    async def kill(self) -> None:
        """Kill the process and whatever it started, which may outlive it."""
        if self._pid is not None and not self._killed:
            self._killed = True  # once: the number of a group that is gone may be given to another
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
            if self._process is not None:
                await self._process.wait()
        await self.let_go()

    async def let_go(self) -> None:
        """Speak to it no more."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
