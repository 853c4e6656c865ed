"""Where a media process is found by the next front, when the one that started it has died: a Unix socket of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path

from loguru import logger

from gateway.wire.ipc import post_of, reachable


class Post:
    """Listens while there is a process to find. Whoever comes while the front is there is turned away.

    Args:
        folder: of the gateway's data.
    """

    def __init__(self, folder: Path) -> None:
        self._path = post_of(folder, os.getpid())
        self._listener: socket.socket | None = None
        self._came: asyncio.Queue[socket.socket] = asyncio.Queue()
        self._waiting = False
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to listen; where that can't be, the calls end with their front, and the log says so."""
        listener = socket.socket(socket.AF_UNIX)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with reachable(self._path) as path:
                listener.bind(path)
            listener.listen(1)
        except OSError as error:
            listener.close()
            logger.warning("calls will not outlive the front process: {}", error)
            return
        listener.setblocking(False)
        self._listener = listener
        self._task = asyncio.create_task(self._listen(listener), name="post")

    async def next_front(self, seconds: float) -> socket.socket | None:
        """Wait for another front, at most this long."""
        if self._listener is None:
            return None
        self._waiting = True
        try:
            return await asyncio.wait_for(self._came.get(), seconds)
        except TimeoutError:
            return None
        finally:
            self._waiting = False

    async def close(self) -> None:
        """Listen no more."""
        if self._task is not None and self._listener is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._listener.close()
            with contextlib.suppress(OSError):
                self._path.unlink()

    async def _listen(self, listener: socket.socket) -> None:
        while True:
            sock, _ = await asyncio.get_running_loop().sock_accept(listener)
            if self._waiting:
                self._came.put_nowait(sock)
            else:
                sock.close()
