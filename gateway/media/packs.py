"""Several calls in the process of one bot, for who trusts it: less memory and fewer turns of the scheduler for each."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import deque
from typing import Final, Literal, Protocol

from loguru import logger

from gateway.wire.calls import BotJob, Exit
from gateway.wire.template import Exited, Fork, Lines, Message, Signal, TemplateError, encode

END_SECONDS: Final = 5.0
"""For a process whose last call has ended."""
STUCK_SECONDS: Final = 1.0
"""For one that takes no messages."""


class Process(Protocol):
    """The process of a bot."""

    sock: socket.socket
    ended: asyncio.Future[Exit]

    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class Processes(Protocol):
    """Begins them."""

    async def start(self, *, again: bool = False) -> None: ...
    async def stop(self) -> None: ...
    def check(self, bot: str) -> None: ...
    async def begin(self, job: BotJob) -> Process: ...


class PackedBot:
    """One bot at work among others. `sock` is the media's end of its pair; `ended` is settled once it is gone."""

    def __init__(self, pack: Pack, number: int, sock: socket.socket) -> None:
        self.sock = sock
        self.ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._pack = pack
        self._number = number

    def terminate(self) -> None:
        """Have it cancelled."""
        self._pack.signal(self._number, "SIGTERM")

    def kill(self) -> None:
        """End its process, and with it the bots beside it: nothing less ends one that is blocked."""
        self._pack.process.kill()


class Pack:
    """One process with the bots that it holds.

    Args:
        bot: which bot its calls have.
        process: of it.
    """

    def __init__(self, bot: str, process: Process) -> None:
        self.bot = bot
        self.process = process
        self.bots: dict[int, PackedBot] = {}
        self.closed = False
        self._numbers = itertools.count(1)
        self._lines = Lines()
        self._waiting: deque[tuple[bytes, list[socket.socket]]] = deque()
        self._stuck: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(process.sock, self._read)
        process.ended.add_done_callback(self._gone)

    def begin(self, job: BotJob) -> PackedBot:
        """Have it hold one call more; where it takes none, that bot ends with the process."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        number = next(self._numbers)
        bot = self.bots[number] = PackedBot(self, number, ours)
        self._send(Fork(number=number, job=job), [theirs])
        return bot

    def signal(self, number: int, name: Literal["SIGTERM"]) -> None:
        """Signal one of its bots, if it is there still."""
        if number in self.bots:
            self._send(Signal(number=number, name=name), [])

    def _send(self, message: Message, passed: list[socket.socket]) -> None:
        """Send a message, with sockets that are closed here once they have crossed, or can't any more."""
        self._waiting.append((encode(message), passed))
        if self.closed:
            self._forget()
        elif len(self._waiting) == 1:
            self._write()

    def _write(self) -> None:
        while self._waiting:
            data, passed = self._waiting[0]
            try:
                sent = socket.send_fds(self.process.sock, [data], [sock.fileno() for sock in passed])
            except BlockingIOError:
                self._wait()
                return
            except OSError:
                self.process.kill()
                self._close()
                return
            self._is_well()
            for sock in passed:
                sock.close()
            self._waiting.popleft()
            if sent < len(data):
                self._waiting.appendleft((data[sent:], []))
        self._loop.remove_writer(self.process.sock)

    def _is_well(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _wait(self) -> None:
        """It does nothing else than to take messages: where it takes none for long, it is stuck."""
        self._loop.add_writer(self.process.sock, self._write)
        if self._stuck is None:
            self._stuck = self._loop.call_later(STUCK_SECONDS, self.process.kill)

    def _forget(self) -> None:
        while self._waiting:
            for sock in self._waiting.popleft()[1]:
                sock.close()

    def _read(self) -> None:
        try:
            data = self.process.sock.recv(1 << 16)
            messages = self._lines.take(data)
        except BlockingIOError:
            return
        except (OSError, TemplateError) as error:
            logger.error("bot {}: {}", self.bot, error)
            data, messages = b"", []
        for message in messages:
            if isinstance(message, Exited) and (bot := self.bots.pop(message.number, None)) is not None:
                bot.ended.set_result(message.exit)
        if not data or not self.bots:
            self._close()

    def _close(self) -> None:
        """It takes no more, and ends."""
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self.process.sock)
            self._loop.remove_writer(self.process.sock)
            self._is_well()
            self._forget()
            self.process.sock.close()
            self._loop.call_later(END_SECONDS, self.process.kill)

    def _gone(self, ended: asyncio.Future[Exit]) -> None:
        self._close()
        bots, self.bots = self.bots, {}
        for bot in bots.values():
            bot.ended.set_result(ended.result())


class Packs:
    """Begins bots as `Processes` does, so many in a process.

    Args:
        processes: begins those.
        size: calls in one.
    """

    def __init__(self, processes: Processes, size: int) -> None:
        self._processes = processes
        self._size = size
        self._packs: list[Pack] = []
        self._one = asyncio.Lock()

    async def start(self, *, again: bool = False) -> None:
        """As theirs."""
        await self._processes.start(again=again)

    async def stop(self) -> None:
        """As theirs."""
        await self._processes.stop()

    def check(self, bot: str) -> None:
        """As theirs."""
        self._processes.check(bot)

    async def begin(self, job: BotJob) -> PackedBot:
        """A bot for this job, in a process that has room; raises as theirs does."""
        async with self._one:
            self._packs = [pack for pack in self._packs if not pack.closed]
            fitting = [p for p in self._packs if p.bot == job.bot and len(p.bots) < self._size]
            pack = max(fitting, key=lambda p: len(p.bots)) if fitting else await self._another(job)
            return pack.begin(job)

    async def _another(self, job: BotJob) -> Pack:
        process = await self._processes.begin(
            BotJob(session_id="-", bot=job.bot, device=None, pc_id="", packed=True)
        )
        self._packs.append(pack := Pack(job.bot, process))
        return pack
