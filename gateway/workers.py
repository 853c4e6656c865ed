"""The processes that calls live in: hand an offer to the least loaded, notice a dead one, replace it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

from loguru import logger

from gateway.calls import Answer, EndCall, OfferCall, PatchCall, RenegotiateCall, SessionEvent
from gateway.errors import Busy, GatewayError, NotFound
from gateway.host import Host
from gateway.ipc import Channel
from gateway.settings import Settings
from gateway.worker import dump

START_SECONDS = 90.0
"""For a worker to import Pipecat and load its engines, the first time on a slow machine."""
DRAIN_SECONDS = 8.0
CHECK_SECONDS = 0.25
_STDERR = 2
RESTART_SECONDS = (0.0, 1.0, 5.0, 15.0)
"""Before a worker is started again, by how many of its starts failed in a row."""

Emit = Callable[[int, SessionEvent], None]


class Place(Protocol):
    """Where calls can live: this process or a worker."""

    async def offer(self, call: OfferCall) -> Answer: ...
    async def renegotiate(self, call: RenegotiateCall) -> Answer: ...
    async def patch(self, call: PatchCall) -> None: ...
    async def end(self, call: EndCall) -> None: ...


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
        self._process: asyncio.subprocess.Process | None = None
        self._channel: Channel | None = None
        self._serving: asyncio.Task[None] | None = None
        self._killed = False
        self.ready = False

    async def start(self) -> None:
        """Start the process and wait until it can take calls.

        Raises:
            ConfigError: the worker says that a setting cannot work.
            Busy: it died or hung before it was ready.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.worker",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=_STDERR,  # `serve --json` is read by scripts: a bot that prints must not stand in between
                env={**os.environ, "LOGURU_AUTOINIT": "False"},  # it sets up its log once it has the settings
                start_new_session=True,
            )
        self._channel = await Channel.over(ours, handle=self._refuse, on_event=self._take)
        self._serving = asyncio.create_task(self._channel.run(), name=f"worker-{self.number}")
        body = {"settings": dump(self._settings), "worker": self.number}
        await self._channel.request("start", body, START_SECONDS)
        self._beat_at = time.monotonic()  # a bot that is slow to import held up the heartbeat as well
        self.ready = True

    @staticmethod
    async def _refuse(name: str, _body: dict[str, Any]) -> None:
        raise GatewayError(f"a worker may not ask for {name}")

    def _take(self, name: str, body: dict[str, Any]) -> None:
        self._beat_at = time.monotonic()
        if name == "beat":
            self._rss_mb = body["rss_mb"]
            return
        event = SessionEvent(**body)
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
        if self._process is None or self._channel is None:
            return "could not be started"
        if self._process.returncode is not None or self._channel.closed.is_set():
            return f"died ({self._process.returncode})"
        if time.monotonic() - self._beat_at > limits.worker_silence_s:
            return f"is blocked: no heartbeat for {limits.worker_silence_s:g} s"
        if self._rss_mb > limits.worker_memory_mb:
            return f"uses {self._rss_mb:.0f} MB, over worker_memory_mb = {limits.worker_memory_mb}"
        return None

    def excuse(self, seconds: float) -> None:
        """Allow for this long in which the front itself did not run, and heard no heartbeat."""
        self._beat_at += seconds

    async def offer(self, call: OfferCall) -> Answer:
        self.sessions.add(call.session_id)
        try:
            return Answer(**await self._ask("offer", call))
        except BaseException:
            self.sessions.discard(call.session_id)
            raise

    async def renegotiate(self, call: RenegotiateCall) -> Answer:
        return Answer(**await self._ask("renegotiate", call))

    async def patch(self, call: PatchCall) -> None:
        await self._ask("patch", call)

    async def end(self, call: EndCall) -> None:
        await self._ask("end", call)

    async def _ask(self, name: str, call: Any) -> Any:
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
        if self._process is not None and not self._killed:
            self._killed = True  # once: the number of a group that is gone may be given to another
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)


class Workers:
    """All places that calls live in, as one.

    Args:
        settings: the gateway's; `workers = 0` keeps the calls in this process.
        emit: is given every event with the number of its worker.
    """

    def __init__(self, settings: Settings, emit: Emit) -> None:
        self._settings = settings
        self._emit_on = emit
        self._local: Host | None = None
        self._processes: dict[int, Process] = {}
        self._place: dict[str, Place] = {}
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def count(self) -> int:
        """Sessions that are there or being made."""
        return len(self._place)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._place

    def state(self) -> list[dict[str, Any]]:
        """Of each worker: its number, readiness and number of sessions."""
        return [
            {"worker": p.number, "ready": p.ready, "sessions": len(p.sessions)}
            for p in self._processes.values()
        ]

    async def start(self) -> None:
        """Start all workers and wait for them.

        Raises:
            ConfigError: a setting cannot work. Busy: a worker did not start.
        """
        if self._settings.workers == 0:
            self._local = Host(self._settings, lambda event: self._emit(0, event))
            await self._local.prepare()
            return
        numbers = range(self._settings.workers)
        self._processes = {n: Process(n, self._settings, self._emit) for n in numbers}
        try:
            await asyncio.gather(*(p.start() for p in self._processes.values()))
        except BaseException:
            await asyncio.gather(*(p.kill() for p in self._processes.values()))
            raise
        self._keepers = [asyncio.create_task(self._keep(n), name=f"keeper-{n}") for n in numbers]

    async def stop(self) -> None:
        """End every call and every worker."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        if self._local is not None:
            await self._local.drain("stopping")
        await asyncio.gather(*(p.stop() for p in self._processes.values()))

    async def offer(self, call: OfferCall) -> Answer:
        """Begin a call where there are fewest.

        Raises:
            Busy: the session limit is reached, or no worker is ready or answers in time.
        """
        if self.count >= self._settings.limits.sessions:
            raise Busy(f"all {self.count} sessions are in use", remedy="raise limits.sessions, or end one")
        place = self._least_loaded()
        self._place[call.session_id] = place
        try:
            return await place.offer(call)
        except BaseException:
            self._place.pop(call.session_id, None)
            raise

    def _least_loaded(self) -> Place:
        if self._local is not None:
            return self._local
        ready = [p for p in self._processes.values() if p.ready and p.fault() is None]
        if not ready:
            raise Busy("no worker is ready", remedy="try again in a few seconds")
        return min(ready, key=lambda p: len(p.sessions))

    async def renegotiate(self, call: RenegotiateCall) -> Answer:
        return await self._find(call.session_id).renegotiate(call)

    async def patch(self, call: PatchCall) -> None:
        await self._find(call.session_id).patch(call)

    async def end(self, call: EndCall) -> None:
        await self._find(call.session_id).end(call)

    def _find(self, session_id: str) -> Place:
        try:
            return self._place[session_id]
        except KeyError:
            raise NotFound("that session has ended", remedy="make a new offer, without pc_id") from None

    def _emit(self, number: int, event: SessionEvent) -> None:
        if event.kind == "ended":
            self._place.pop(event.session_id, None)
        self._emit_on(number, event)

    async def _keep(self, number: int) -> None:
        """Watch one worker and replace it when it fails."""
        failures = 0
        while True:
            process = self._processes[number]
            while (fault := process.fault()) is None:
                before = time.monotonic()
                await asyncio.sleep(CHECK_SECONDS)
                if (late := time.monotonic() - before - CHECK_SECONDS) > CHECK_SECONDS:
                    process.excuse(late)
                failures = 0
            logger.error("worker {} {}; its {} calls are lost", number, fault, len(process.sessions))
            process.ready = False
            await process.kill()
            self._lose_sessions(process)
            await asyncio.sleep(RESTART_SECONDS[min(failures, len(RESTART_SECONDS) - 1)])
            failures += 1
            self._processes[number] = fresh = Process(number, self._settings, self._emit)
            try:
                await fresh.start()
                logger.info("worker {} is back", number)
            except (GatewayError, OSError) as error:
                logger.error("worker {} did not start again: {}", number, error)
                await fresh.kill()

    def _lose_sessions(self, process: Process) -> None:
        for session_id in tuple(process.sessions):
            process.sessions.discard(session_id)
            lost = SessionEvent(kind="ended", session_id=session_id, data={"reason": "worker_lost"})
            self._emit(process.number, lost)
