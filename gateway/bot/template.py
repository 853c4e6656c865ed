"""The template of all bots: has everything imported and no thread, and forks a process for each call.

It does one thing after another, without asyncio: what a fork copies should be as little and as quiet as can be.
"""

from __future__ import annotations

import errno
import faulthandler
import importlib
import os
import selectors
import signal
import socket
import time
from collections import defaultdict
from types import ModuleType
from typing import Final

from loguru import logger

from gateway import processes
from gateway.bot import given, loading, sinks, system
from gateway.bot.child import RAISED_STATUS, Life
from gateway.bot.nursery import Child, Nursery
from gateway.bot.timers import Timers
from gateway.errors import Busy, ConfigError, GatewayError
from gateway.logs import set_up as set_up_logs
from gateway.settings import Settings
from gateway.wire.calls import BotJob, Exit
from gateway.wire.template import (
    MAX_DESCRIPTORS,
    Exited,
    Failed,
    Fault,
    Fork,
    Forked,
    Lines,
    Loaded,
    Loading,
    Message,
    Prepared,
    Raised,
    Ready,
    Refused,
    Role,
    Signal,
    Start,
    Work,
    encode,
)
from ground import garbage

_WHOLE: Final = "install what voicegw was tested with: requirements.lock names it (docs/install.md)"
SPARE_SECONDS: Final = 1.0
"""From a call's start to the next spare, which should not compete with it."""
RESTART_SECONDS: Final = (0.0, 1.0, 5.0, 15.0)
"""Before a bot's engines are started again, by how often they failed in a row."""
PREPARE_SECONDS: Final = 60.0
"""For engines to be there, the first time on a slow machine."""
COUNT_SECONDS: Final = 1.0
"""Between looks at how many processes the bots have started."""
LEAVE_SECONDS: Final = 4.0
"""For engines to end once nobody needs them."""


class Template:
    """Serves one media process until its socket closes.

    Args:
        media: this end of the pair.
    """

    def __init__(self, media: socket.socket) -> None:
        self._media = media
        self._lines = Lines()
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._timers = Timers()
        self._ending = False
        self._started: Start
        self._settings: Settings
        self._nursery: Nursery
        self._modules: dict[str, ModuleType] = {}
        self._threaded: set[str] = set()
        self._ready: set[str] = set()
        self._spares: dict[str, Child] = {}
        self._failures: dict[str, int] = defaultdict(int)
        self._environment: dict[str, str] = {}

    def run(self) -> None:
        """Serve to the end, and leave nothing behind."""
        self._selector.register(self._media, selectors.EVENT_READ, self._hear)
        while not self._ending:
            for key, _ in self._selector.select(self._timers.wait()):
                key.data()
            self._timers.run()
        if hasattr(self, "_nursery"):
            self._end()

    def _hear(self) -> None:
        data, descriptors = system.receive(self._media, MAX_DESCRIPTORS)
        for message in self._lines.take(data, descriptors):
            match message:
                case Start():
                    self._start(message)
                case Fork():
                    self._fork(message)
                case Signal():
                    self._signal(message)
        self._ending = self._ending or not data

    def _say(self, message: Message) -> None:
        try:
            self._media.sendall(encode(message))
        except OSError:
            self._ending = True

    # -- loading

    def _start(self, start: Start) -> None:
        self._started = start
        self._settings = Settings.model_validate(start.settings)
        set_up_logs(self._settings, worker=start.worker, relayed=True)
        faulthandler.enable(all_threads=False)
        before = system.descriptors()
        with garbage.left_alone():
            if self._has_runner(start):
                for bot in start.bots:
                    self._load(bot)
        self._nursery = Nursery(kept=system.descriptors() - before, forget=self._close_all)
        self._take_signals()
        for bot, module in self._modules.items():
            if hasattr(module, "prepared"):
                self._prepare(bot)
            else:
                self._offer(bot)
        self._timers.after(COUNT_SECONDS, self._count_processes)

    def _has_runner(self, start: Start) -> bool:
        """Whether what runs all bots imports: what they share may be another version than was tested, or be missing."""
        try:
            importlib.import_module(start.runner)
        except Exception as error:  # noqa: BLE001 -- whatever is wrong with it
            logger.opt(exception=error).error("no bot can be run")
            fault = Fault.of(ConfigError(f"no bot can be run: {error!r}", remedy=_WHOLE))
            for bot in start.bots:
                self._say(Failed(bot=bot, fault=fault))
            return False
        return True

    def _load(self, bot: str) -> None:
        self._say(Loading(bot=bot))
        before = system.threads()
        try:
            self._modules[bot] = _load(bot, self._settings, self._started.worker)
            self._say(Loaded(bot=bot))
        except GatewayError as error:
            self._say(Failed(bot=bot, fault=Fault.of(error)))
        if (more := len(system.threads()) - len(before)) > 0:
            self._threaded.add(bot)
            text = "bot {} starts {} threads in its import, which no fork has: each call imports it anew"
            logger.warning(text, bot, more)

    def _take_signals(self) -> None:
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._wake)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self._ending = True

    def _wake(self) -> None:
        self._woken.recv(1 << 12)
        for child, status in self._nursery.reap():
            self._ended(child, status)

    # -- engines

    def _prepare(self, bot: str) -> None:
        try:
            child = self._bear(bot, "engines")
        except OSError as error:
            self._unprepared(bot, Fault.of(_no_room(error)))
            return
        self._selector.register(child.control, selectors.EVENT_READ, lambda: self._heard(child))
        self._timers.after(PREPARE_SECONDS, lambda: self._overdue(child))

    def _overdue(self, child: Child) -> None:
        if child in self._nursery and not self._has_settled(child):
            self._nursery.signal(child, signal.SIGKILL, f"not prepared within {PREPARE_SECONDS:g} s")

    def _has_settled(self, child: Child) -> bool:
        return child.control not in [key.fileobj for key in self._selector.get_map().values()]

    def _heard(self, child: Child) -> None:
        """The engines are there, or will not be: their end tells why."""
        if self._has_settled(child):
            return  # it ended in the same turn of the loop
        told = child.told()
        if told and isinstance(told[0], Raised):
            child.raised = told[0]
        self._selector.unregister(child.control)
        if told and isinstance(told[0], Prepared):
            bot = child.life.bot
            self._failures[bot] = 0
            self._environment |= told[0].environment
            os.environ.update(told[0].environment)
            self._offer(bot)

    def _unprepared(self, bot: str, fault: Fault, *, lasting: bool = False) -> None:
        if bot not in self._ready:
            self._say(Failed(bot=bot, fault=fault))
        if lasting:
            return
        seconds = RESTART_SECONDS[min(self._failures[bot], len(RESTART_SECONDS) - 1)]
        self._failures[bot] += 1
        logger.error("what bot {} needs is gone: {}; again in {:g} s", bot, fault.message, seconds)
        self._timers.after(seconds, lambda: self._prepare(bot))

    # -- calls

    def _offer(self, bot: str) -> None:
        if bot not in self._ready:
            self._ready.add(bot)
            self._say(Ready(bot=bot))
            self._keep_spare(bot)

    def _keep_spare(self, bot: str) -> None:
        if bot in self._spares:
            return
        try:
            self._spares[bot] = self._bear(bot, "bot")
        except OSError as error:
            logger.warning("no spare process for bot {}: {}", bot, error.strerror)

    def _fork(self, fork: Fork) -> None:
        descriptors = self._lines.descriptors
        crossed = [descriptors.popleft() for _ in range(min(2, len(descriptors)))]
        try:
            child = self._employ(fork.job, crossed)
        except OSError as error:
            self._say(Refused(number=fork.number, fault=Fault.of(_no_room(error))))
            return
        finally:
            for fd in crossed:
                os.close(fd)
        child.number = fork.number
        self._say(Forked(number=fork.number, pid=child.pid))

    def _employ(self, job: BotJob, descriptors: list[int]) -> Child:
        """A child that has this job: the spare, or one that is born for it."""
        if len(descriptors) < 2:  # the system has dropped them
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        work = Work(job=job, environment=self._environment)
        self._timers.after(SPARE_SECONDS, lambda: self._keep_spare(job.bot))
        if (spare := self._spares.pop(job.bot, None)) is not None:
            try:
                spare.hand_over(work, descriptors)
            except OSError:
                self._nursery.signal(spare, signal.SIGKILL, "it took no job")
            else:
                return spare
        child = self._bear(job.bot, "bot")
        try:
            child.hand_over(work, descriptors)
        except OSError:
            self._nursery.signal(child, signal.SIGKILL, "it took no job")
            raise
        return child

    def _signal(self, wanted: Signal) -> None:
        for child in self._nursery:
            if child.number == wanted.number:
                self._nursery.signal(child, signal.Signals[wanted.name], "by the gateway")

    def _bear(self, bot: str, role: Role) -> Child:
        loaded = self._started.forks and bot not in self._threaded
        life = Life(self._settings, self._started.worker, bot, self._started.runner, role, loaded)
        return self._nursery.bear(life)

    def _count_processes(self) -> None:
        most = self._settings.bot_limits.processes
        for child in self._nursery:
            if child.number is not None and len(processes.descendants(child.pid)) > most:
                self._nursery.signal(child, signal.SIGKILL, f"it ran more than {most} processes")
        self._timers.after(COUNT_SECONDS, self._count_processes)

    # -- ends

    def _ended(self, child: Child, status: int) -> None:
        bot = child.life.bot
        if child.life.role == "engines":
            self._engines_ended(child, status)
        elif child.number is not None:
            self._say(Exited(number=child.number, exit=_exit(child, status)))
        elif self._spares.get(bot) is child:
            del self._spares[bot]
            logger.warning("the spare process of bot {} ended: {}", bot, _exit(child, status).detail)
            self._timers.after(RESTART_SECONDS[-1], lambda: self._keep_spare(bot))

    def _engines_ended(self, child: Child, status: int) -> None:
        self._heard(child)
        raised = child.raised
        if raised is not None:
            self._unprepared(child.life.bot, raised.fault, lasting=raised.lasting)
            return
        error = ConfigError(
            f"what bot {child.life.bot} needs did not last: {_exit(child, status).detail}",
            remedy="see the gateway's log",
        )
        self._unprepared(child.life.bot, Fault.of(error))

    def _end(self) -> None:
        for child in self._nursery:
            if child.life.role == "engines":
                child.control.close()
            else:
                self._nursery.signal(child, signal.SIGKILL, "the gateway ends")
        deadline = time.monotonic() + LEAVE_SECONDS
        while list(self._nursery):
            self._selector.select(0.1)
            list(self._nursery.reap())
            if time.monotonic() > deadline:
                for child in self._nursery:
                    self._nursery.signal(child, signal.SIGKILL, "the gateway ends")

    def _close_all(self) -> None:
        """In a child: close what is the template's, so that no object of its closes another's descriptor later."""
        self._selector.close()
        for end in (self._media, self._woken, self._waker):
            end.close()
        while self._lines.descriptors:
            os.close(self._lines.descriptors.popleft())


def _load(bot: str, settings: Settings, worker: int) -> ModuleType:
    """Import a bot's module, and have it do what all of its calls can share from before they begin.

    That is its `preload(settings)`, where it has one: a function that starts no thread.
    """
    try:
        with (
            given.importing(bot),
            sinks.importing(bot, lambda: set_up_logs(settings, worker=worker, relayed=True)),
        ):
            module = loading.load(bot)
            if (preload := getattr(module, "preload", None)) is not None:
                preload(settings)
    except GatewayError:
        raise
    except BaseException as error:
        raise ConfigError(f"bot {bot} does not load: {error!r}", remedy="run it by itself first") from error
    return module


def _no_room(error: OSError) -> Busy:
    return Busy(f"no process for a bot: {error.strerror}", remedy="end a call, or give the gateway more")


def _exit(child: Child, status: int) -> Exit:
    """How a child has ended: from what it has said, and from its wait status."""
    raised = child.raised or next((m for m in child.told() if isinstance(m, Raised)), None)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return Exit(how="killed", detail=_killed(child, -code))
    if code == 0:
        return Exit(how="returned")
    if code == RAISED_STATUS:
        return Exit(how="raised", detail=raised.detail if raised else "what it raised is in the log")
    return Exit(how="exited", detail=f"exit status {code}")


def _killed(child: Child, number: int) -> str:
    name = signal.Signals(number).name if number in {*signal.Signals} else f"signal {number}"
    if number == signal.SIGKILL and child.killed_for:
        return f"{name}: {child.killed_for}"
    if number == signal.SIGKILL:
        return f"{name}, not by the gateway: the system does that where memory runs out"
    return name
