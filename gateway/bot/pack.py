"""The process of a bot that holds several calls at once, each as `run.hold` does."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from loguru import logger

from gateway.bot import system
from gateway.errors import GatewayError
from gateway.wire.calls import BotJob, Exit
from gateway.wire.template import Exited, Fork, Lines, Message, Signal, encode

Hold = Callable[[socket.socket, BotJob], Coroutine[Any, Any, None]]


async def serve(sock: socket.socket, hold: Hold) -> None:
    """Hold each call that comes over this socket, until the media close it.

    Args:
        sock: this process's end.
        hold: one call, from start to end.
    """
    pack = _Pack(sock, hold)
    await pack.closed.wait()
    pack.cancel_all()
    if pack.tasks:
        await asyncio.wait(pack.tasks.values())


class _Pack:
    def __init__(self, sock: socket.socket, hold: Hold) -> None:
        sock.setblocking(False)
        self.closed = asyncio.Event()
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self._sock = sock
        self._hold = hold
        self._lines = Lines()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._read)

    def cancel_all(self) -> None:
        for task in self.tasks.values():
            task.cancel()

    def _read(self) -> None:
        try:
            data, descriptors = system.receive(self._sock, 2)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        for message in self._lines.take(data, descriptors):
            self._take(message)
        if not data:
            self._loop.remove_reader(self._sock)
            self.closed.set()

    def _take(self, message: Message) -> None:
        match message:
            case Fork():
                sock = socket.socket(fileno=self._lines.descriptors.popleft())
                name = f"bot-{message.job.session_id}"
                task = self._loop.create_task(self._hold(sock, message.job), name=name)
                self.tasks[message.number] = task
                task.add_done_callback(lambda done: self._done(message, done))
            case Signal() if message.number in self.tasks:
                self.tasks[message.number].cancel()

    def _done(self, fork: Fork, task: asyncio.Task[None]) -> None:
        del self.tasks[fork.number]
        exit_ = _exit(fork.job, task)
        try:
            self._sock.send(encode(Exited(number=fork.number, exit=exit_)))
        except OSError:
            os._exit(1)  # the media do not listen any more, or are gone


def _exit(job: BotJob, task: asyncio.Task[None]) -> Exit:
    if task.cancelled():
        return Exit(how="killed", detail="it was cancelled")
    if (error := task.exception()) is None:
        return Exit(how="returned")
    if isinstance(error, SystemExit):
        return Exit.by(error)
    with logger.contextualize(session=job.session_id):
        expected = isinstance(error, GatewayError)
        logger.opt(exception=None if expected else error).error("bot {} failed: {}", job.bot, error)
    return Exit(how="raised", detail=f"{type(error).__name__}: {error}"[:2_000])
