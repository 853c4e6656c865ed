"""The template of the bots as the media process has it: one run of that process, told and listened to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from gateway.logs import relay
from gateway.media.printed import DRAIN_SECONDS, Reader
from gateway.wire.ipc import how_it_ended
from gateway.wire.template import Lines, Message, TemplateError, encode

STOP_SECONDS: Final = 8.0
"""For the template to end with all its children once its socket is closed."""
ENVIRONMENT: Final[Mapping[str, str]] = {
    "LOGURU_AUTOINIT": "False",  # it sets up its log once it has the settings
    "OPENBLAS_NUM_THREADS": "1",  # else importing numpy starts one for each further core
    "ORT_DISABLE_TELEMETRY": "1",  # else importing onnxruntime starts one, which tells Microsoft of each model
}
"""Of the template and its children: it must have no thread where it forks."""


class TemplateProcess:
    """One process, from start to end.

    Args:
        take: is given each of its messages.
    """

    def __init__(self, take: Callable[[Message], None]) -> None:
        self._take = take
        self._lines = Lines()
        self._waiting: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._process: asyncio.subprocess.Process | None = None
        self._sock: socket.socket | None = None
        self._loop = asyncio.get_running_loop()

    async def run(self, first: Message) -> str:
        """Start it, say something first, and listen until it has ended; how it ended, in words."""
        self._sock, theirs = socket.socketpair()
        self._sock.setblocking(False)
        output, into = os.pipe()
        printed = Reader(output, lambda line: relay(line, "-"))
        try:
            with theirs, os.fdopen(into, "wb") as pipe:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",  # a file of the working directory is no module of ours, whatever its name
                    "-m",
                    "gateway.bot.main",
                    str(theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=pipe,  # `serve --json` is read by scripts: a bot that prints must not stand in between
                    stderr=pipe,
                    env={**os.environ, **ENVIRONMENT},
                )
            self._loop.add_reader(self._sock, self._read)
            self.say(first)
            code = await self._process.wait()
            self._read_rest()
        finally:
            self._close()
            await self._end()
            self._loop.call_later(DRAIN_SECONDS, printed.close)
        return how_it_ended(code)

    def say(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Send a message. The descriptors are closed here once they have crossed, or can't any more."""
        self._waiting.append((encode(message), descriptors))
        if self._sock is None:
            self._forget()
        elif len(self._waiting) == 1:
            self._write()

    def kill(self) -> None:
        """End it at once; its children end with it."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def close(self) -> None:
        """Let it end; `run` returns once it has."""
        self._close()

    def _read(self) -> None:
        if self._sock is None:
            return
        try:
            data = self._sock.recv(1 << 16)
            messages = self._lines.take(data)
        except BlockingIOError:
            return
        except (OSError, TemplateError):
            data, messages = b"", []
        for message in messages:
            self._take(message)
        if not data:
            self._close()

    def _read_rest(self) -> None:
        """What it said last of all."""
        while self._sock is not None:
            try:
                if not self._sock.recv(1, socket.MSG_PEEK):
                    return
            except OSError:
                return
            self._read()

    def _write(self) -> None:
        while self._waiting and self._sock is not None:
            data, descriptors = self._waiting[0]
            try:
                sent = socket.send_fds(self._sock, [data], descriptors)
            except BlockingIOError:
                self._loop.add_writer(self._sock, self._write)
                return
            except OSError:
                self._close()
                return
            for fd in descriptors:
                os.close(fd)
            self._waiting.popleft()
            if sent < len(data):
                self._waiting.appendleft((data[sent:], ()))
        if self._sock is not None:
            self._loop.remove_writer(self._sock)

    def _close(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            sock.close()
            self._loop.call_later(STOP_SECONDS, self.kill)
        self._forget()

    def _forget(self) -> None:
        while self._waiting:
            for fd in self._waiting.popleft()[1]:
                os.close(fd)

    async def _end(self) -> None:
        """See that it is gone, in time."""
        if self._process is not None and self._process.returncode is None:
            try:
                await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
            except TimeoutError:
                self.kill()
                await self._process.wait()
