"""The bots' processes, for the calls of a media process: begun from a template, ended, and missed when they die."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import sys
from typing import Final, Literal

from loguru import logger

from gateway.errors import BotFailed, ConfigError, GatewayError
from gateway.logs import relay
from gateway.media.printed import DRAIN_SECONDS, Reader
from gateway.media.template import TemplateProcess
from gateway.settings import Settings
from gateway.wire.calls import BotJob, Exit, dump
from gateway.wire.template import (
    BELOW_MAIN,
    LOAD_SECONDS,
    RUNNER,
    Exited,
    Failed,
    Fork,
    Forked,
    Loaded,
    Loading,
    Message,
    Ready,
    Refused,
    Signal,
    Start,
)

RESTART_SECONDS: Final = (0.0, 1.0, 5.0, 15.0)
"""Before a template is started again, by how many failed in a row."""
LEFT_OUT_SECONDS: Final = (0.0, 0.0, 15.0, 60.0, 300.0)
"""For how long templates go without a bot in whose import they were killed, by how often in a row."""
IDLE_LOOK_SECONDS: Final = 1.0
"""Between looks at whether a template has no more to do, and can make way for one with all bots."""
_SEE_LOG = "see the gateway's log"


class BotProcess:
    """One bot at work. `sock` is the media's end, not blocking; `ended` is settled once it is gone, and never fails."""

    def __init__(self, bots: Bots, number: int, session_id: str, sock: socket.socket, output: int) -> None:
        loop = asyncio.get_running_loop()
        self.session_id = session_id
        self.sock = sock
        self.ended: asyncio.Future[Exit] = loop.create_future()
        self.pid: int | None = None
        self.begun: asyncio.Future[None] = loop.create_future()
        self.number = number
        self._bots = bots
        self._output = Reader(output, lambda line: relay(line, session_id))

    def terminate(self) -> None:
        """Tell it to finish: SIGTERM to its group."""
        self._bots.signal(self, "SIGTERM")

    def kill(self) -> None:
        """End it at once, with all of its group."""
        self._bots.signal(self, "SIGKILL")

    def has_begun(self, pid: int) -> None:
        """Its process is there."""
        self.pid = pid
        if not self.begun.done():
            self.begun.set_result(None)

    def settle(self, exit_: Exit) -> None:
        """It has ended."""
        if not self.begun.done():
            self.begun.set_exception(BotFailed(f"no process for the bot: {exit_.detail}", remedy=_SEE_LOG))
        if not self.ended.done():
            self.ended.set_result(exit_)
        asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._output.close)

    def refuse(self, error: GatewayError) -> None:
        """It never began."""
        self._output.close()
        if not self.begun.done():
            self.begun.set_exception(error)


class _Known:
    """What is known of one bot of the settings: nothing yet, that it can be begun, or why not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.settled = asyncio.Event()
        self.error: GatewayError | None = None
        self.lasting = False
        self.is_overdue = False
        self.left_out_until = 0.0
        self._kills = 0

    def is_ready(self) -> None:
        self.error = None
        self._kills = 0
        self.settled.set()

    def has_failed(self, error: GatewayError, *, lasting: bool = False) -> None:
        self.error = error
        self.lasting = self.lasting or lasting
        self.settled.set()

    def ended_template(self, how: str, now: float) -> None:
        """Its import did. A SIGKILL may have another cause, as memory that others took: it is tried again."""
        text = f"bot {self.name} does not import: it ended the process ({how})"
        if how != signal.SIGKILL.name:
            self.has_failed(ConfigError(text, remedy="run it by itself first"), lasting=True)
            return
        self.left_out_until = now + LEFT_OUT_SECONDS[min(self._kills, len(LEFT_OUT_SECONDS) - 1)]
        self._kills += 1
        if self.is_overdue:
            late = f"bot {self.name} is not imported within {LOAD_SECONDS:g} s"
            self.has_failed(BotFailed(late, remedy=BELOW_MAIN))
        else:
            self.has_failed(BotFailed(text, remedy="it is tried again; is there memory enough?"))

    def is_tried(self, now: float) -> bool:
        """Whether the next template should have it; then what is known of it is to be told anew."""
        if self.lasting or now < self.left_out_until:
            return False
        if self._kills:
            self.error = None
            self.settled.clear()
        return True

    def unsettle(self) -> None:
        """It can be begun no more; another template will tell anew."""
        if self.error is None:
            self.settled.clear()

    def lost(self, how: str, *, explained: bool) -> None:
        """The template has ended: another will tell anew. Where it had not come so far, callers need not wait."""
        if self.lasting:
            return
        if explained or (self.settled.is_set() and self.error is None):
            self.settled.clear()
        else:
            self.has_failed(BotFailed(f"bot {self.name}: its template ended ({how})", remedy=_SEE_LOG))


class Bots:
    """Begins bots, each in a process of its own.

    Args:
        settings: the gateway's; they name the bots.
        worker: the number of this media process, for the log.
        runner: the module whose `run(sock, job)` a bot's process does.
        forks: whether a process is forked from the template, or a program of its own. A fork of a process that has
            used macOS's frameworks is not safe.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        worker: int = 0,
        runner: str = RUNNER,
        forks: bool = sys.platform == "linux",
    ) -> None:
        self._settings = settings
        self._worker = worker
        self._runner = runner
        self._forks = forks
        self._bots = {name: _Known(name) for name in settings.named_bots}
        self._numbers = itertools.count(1)
        self._processes: dict[int, BotProcess] = {}
        self._template: TemplateProcess | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._loading: _Known | None = None
        self._overdue: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._heard_at = 0.0
        self._renewal: asyncio.TimerHandle | None = None
        self._makes_way = False
        self.restarts = 0

    async def start(self, *, again: bool = False) -> None:
        """Start the template, and wait until each bot can be begun or is known to fail.

        Args:
            again: those that fail are logged, but for the default bot; else any is an error.

        Raises:
            ConfigError: a bot cannot work; names what to install or set. BotFailed: the template ended.
        """
        self._keeper = asyncio.create_task(self._keep(), name="bots-template")
        for known in self._bots.values():
            await known.settled.wait()
            if (error := known.error) is None:
                continue
            if not again or known.name == self._settings.bot:
                await self.stop()
                raise error
            logger.error("{}{}", error, f" ({error.remedy})" if error.remedy else "")

    async def stop(self) -> None:
        """End every bot and the template."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    def check(self, bot: str) -> None:
        """Raises ConfigError where it is known that this bot can't be begun."""
        if (known := self._bots.get(bot)) is None:
            raise ConfigError(f"bot {bot} is in no setting", remedy="name it in `bot` or `bots`")
        if known.error is not None:
            raise known.error

    async def begin(self, job: BotJob) -> BotProcess:
        """A process that does this job.

        Raises:
            ConfigError: its bot cannot work. BotFailed: there is no process for it, or not in time. Busy: no room.
        """
        template = await self._template_for(job.bot)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        output, into = os.pipe()
        process = BotProcess(self, next(self._numbers), job.session_id, ours, output)
        self._processes[process.number] = process
        asked_at = self._loop.time()
        template.say(Fork(number=process.number, job=job), (theirs.detach(), into))
        try:
            await asyncio.wait_for(process.begun, self._settings.bot_limits.start_s)
        except BaseException as error:
            process.kill()
            ours.close()
            if isinstance(error, TimeoutError):
                raise self._unanswered(template, asked_at) from None
            raise
        return process

    def _unanswered(self, template: TemplateProcess, asked_at: float) -> BotFailed:
        """A template that has said nothing since is stopped, or hangs: it makes way for another."""
        if self._heard_at < asked_at and template is self._template:
            logger.error("the template of the bots does not answer; starting another")
            self.restarts += 1
            self._make_way()
            template.kill()
        seconds = self._settings.bot_limits.start_s
        return BotFailed(f"no process for the bot within {seconds:g} s", remedy=_SEE_LOG)

    def signal(self, process: BotProcess, name: Literal["SIGTERM", "SIGKILL"]) -> None:
        """Signal a bot's group, if it is there still."""
        if process.number in self._processes and self._template is not None:
            self._template.say(Signal(number=process.number, name=name))

    async def _template_for(self, bot: str) -> TemplateProcess:
        self.check(bot)
        known = self._bots[bot]
        try:
            await asyncio.wait_for(known.settled.wait(), self._settings.bot_limits.start_s)
        except TimeoutError:
            raise BotFailed(f"bot {bot} can't be begun yet", remedy=_SEE_LOG) from None
        self.check(bot)
        assert self._template is not None
        return self._template

    async def _keep(self) -> None:
        """Keep a template running."""
        failures = 0
        while True:
            self._template = TemplateProcess(self._take)
            how = "the gateway ends"
            self._makes_way = False
            try:
                how = await self._template.run(self._first())
                self._kill_groups()
            except OSError as error:
                how = str(error)
            finally:
                self._template = None
                came_up = any(k.error is None and k.settled.is_set() for k in self._bots.values())
                self._lose(how)
            if self._makes_way:
                continue
            failures = 0 if came_up else failures + 1
            self.restarts += 1
            logger.error("the template of the bots ended ({}); starting another", how)
            await asyncio.sleep(RESTART_SECONDS[min(failures, len(RESTART_SECONDS) - 1)])

    def _first(self) -> Start:
        now = self._loop.time()
        left_out = [k for k in self._bots.values() if not k.is_tried(now)]
        if again := [k.left_out_until for k in left_out if not k.lasting]:
            self._renewal = self._loop.call_at(min(again), self._renew)
        return Start(
            settings=dump(self._settings),
            worker=self._worker,
            bots=[k.name for k in self._bots.values() if k not in left_out],
            runner=self._runner,
            forks=self._forks,
        )

    def _renew(self) -> None:
        """Have another template, with the bots that this one is without, as soon as nobody is in a call of its bots."""
        if self._template is None:
            return
        if self._processes or self._loading is not None:
            self._renewal = self._loop.call_later(IDLE_LOOK_SECONDS, self._renew)
            return
        self._make_way()
        self._template.close()

    def _make_way(self) -> None:
        """The template is about to end, by our will: who calls waits for the next."""
        self._makes_way = True
        for known in self._bots.values():
            known.unsettle()

    def _take(self, message: Message) -> None:
        self._heard_at = self._loop.time()
        match message:
            case Loading():
                self._begin_loading(message)
            case Loaded():
                self._end_loading()
            case Ready():
                self._bots[message.bot].is_ready()
            case Failed():
                self._end_loading()
                self._bots[message.bot].has_failed(message.fault.error())
            case Forked() | Refused() | Exited():
                self._take_of_process(message)

    def _take_of_process(self, message: Forked | Refused | Exited) -> None:
        process = self._processes[message.number]
        match message:
            case Forked():
                process.has_begun(message.pid)
            case Refused():
                del self._processes[message.number]
                process.refuse(message.fault.error())
            case Exited():
                del self._processes[message.number]
                process.settle(message.exit)

    def _begin_loading(self, message: Loading) -> None:
        self._loading = self._bots[message.bot]
        self._loading.is_overdue = False
        self._overdue = self._loop.call_later(LOAD_SECONDS, self._give_up, self._loading)

    def _give_up(self, known: _Known) -> None:
        """Its import takes too long, or has no end."""
        known.is_overdue = True
        if self._template is not None:
            self._template.kill()

    def _end_loading(self) -> None:
        self._loading = None
        if self._overdue is not None:
            self._overdue.cancel()

    def _lose(self, how: str) -> None:
        """There is no template any more. Where a bot was being imported, that bot is why."""
        if self._renewal is not None:
            self._renewal.cancel()
        if (guilty := self._loading) is not None:
            guilty.ended_template(how, self._loop.time())
        self._end_loading()
        for known in self._bots.values():
            if known is not guilty:
                known.lost(how, explained=self._makes_way or guilty is not None)
        processes, self._processes = self._processes, {}
        for process in processes.values():
            process.settle(Exit(how="killed", detail=f"the template of the bots ended ({how})"))

    def _kill_groups(self) -> None:
        """The bots have died with their template, by the kernel; what they had started has not."""
        for process in self._processes.values():
            if process.pid is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
