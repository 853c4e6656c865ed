"""Requests and events between the front process and a worker, as JSON lines over a socket of their own."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loguru import logger

from gateway.errors import BY_CODE, BadRequest, Busy, GatewayError

MAX_LINE = 1 << 20
"""Bytes. An offer is at most 64 kB, and a message of a bot 256 kB; what is longer is left out."""

MAX_PATH = 100

Handler = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Channel:
    """Both ends are alike: each may ask, answer, and send events.

    Args:
        handle: is awaited for each request of the other side: (name, body) -> a value that JSON can hold.
        on_event: is called for each event of the other side.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        handle: Handler,
        on_event: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._handle = handle
        self._on_event = on_event
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._answering: dict[int, asyncio.Task[None]] = {}
        self.closed = asyncio.Event()

    @classmethod
    async def over(cls, sock: socket.socket, *, handle: Handler, on_event: Callable[..., None]) -> Channel:
        """Open one end over a connected stream socket."""
        reader, writer = await asyncio.open_connection(sock=sock, limit=MAX_LINE)
        return cls(reader, writer, handle=handle, on_event=on_event)

    async def run(self) -> None:
        """Serve until the other side closes; then everything that still waits fails as Busy."""
        try:
            while line := await self._reader.readline():
                self._take(json.loads(line))
        except ConnectionError as error:  # it closed before it had read all
            logger.debug("channel broke: {!r}", error)
        except (ValueError, KeyError, TypeError) as error:  # no message of ours
            logger.warning("channel broke: {!r}", error)
        finally:
            self.closed.set()
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(Busy("the worker is gone", remedy="try again"))
            for task in self._answering.values():
                task.cancel()
            self._writer.close()

    async def request(self, name: str, body: dict[str, Any], timeout: float) -> Any:  # noqa: ASYNC109
        """Ask the other side and wait for its answer, at most `timeout` seconds.

        Once nobody waits for the answer any more, the other side's work on it is cancelled.

        Raises:
            Busy: no answer in time, or nobody there. BadRequest: it is too long. Otherwise what the other side raised.
        """
        if self.closed.is_set():
            raise Busy("the worker is gone", remedy="try again")
        number = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            if not self._write({"ask": name, "id": number, "body": body}):
                raise BadRequest(f"a request for {name} is too long for a worker", remedy="send less")
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            self._give_up(number)
            raise Busy(f"no answer within {timeout:g} s", remedy="try again") from None
        except asyncio.CancelledError:
            self._give_up(number)
            raise
        finally:
            del self._waiting[number]

    def _give_up(self, number: int) -> None:
        if not self.closed.is_set():
            self._write({"cancel": number})

    def event(self, name: str, body: dict[str, Any]) -> None:
        """Tell the other side something, without an answer."""
        if not self.closed.is_set():
            self._write({"event": name, "body": body})

    def _write(self, message: dict[str, Any]) -> bool:
        """Whether it crosses: the other side can read nothing on after a line that is too long."""
        line = _line(message)
        if len(line) > MAX_LINE:
            what = message.get("ask") or message.get("event") or "answer"
            logger.error("a message of {} bytes was left out: {}", len(line), what)
            return False
        self._writer.write(line)
        return True

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self._tell(message["event"], message["body"])
        elif "ask" in message:
            number = message["id"]
            task = asyncio.create_task(self._answer(message), name=f"answer-{message['ask']}")
            self._answering[number] = task
            task.add_done_callback(lambda _: self._answering.pop(number, None))
        elif "cancel" in message:
            if (unwanted := self._answering.get(message["cancel"])) is not None:
                unwanted.cancel()
        else:
            self._resolve(message)

    def _tell(self, name: str, body: dict[str, Any]) -> None:
        try:
            self._on_event(name, body)
        except Exception:  # noqa: BLE001 -- one event costs no process with all its calls
            logger.exception("event {} failed", name)

    async def _answer(self, message: dict[str, Any]) -> None:
        try:
            value = await self._handle(message["ask"], message["body"])
            if not self._write({"id": message["id"], "value": value}):
                self._refuse(message, GatewayError.code, "the answer is too long")
        except GatewayError as error:
            self._refuse(message, error.code, error.message, error.remedy)
        except Exception as error:  # noqa: BLE001 -- the asker is told of every fault
            logger.exception("request {} failed", message["ask"])
            self._refuse(message, "internal", f"{type(error).__name__}: {error}")

    def _refuse(self, message: dict[str, Any], code: str, text: str, remedy: str = "") -> None:
        error = {"code": code, "message": text, "remedy": remedy}
        self._write({"id": message["id"], "error": error})

    def _resolve(self, message: dict[str, Any]) -> None:
        future = self._waiting.get(message["id"])
        if future is None or future.done():
            return  # it came after its time-out
        if error := message.get("error"):
            cls = BY_CODE.get(error["code"], GatewayError)
            future.set_exception(cls(error["message"], remedy=error["remedy"]))
        else:
            future.set_result(message.get("value"))


def _line(message: dict[str, Any]) -> bytes:
    """As short as JSON gets; half a character, which UTF-8 can't write, has to be escaped."""
    try:
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(message, separators=(",", ":")).encode() + b"\n"


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A Unix socket's path as it can be bound or connected to: sockaddr_un holds 107 bytes of it (unix(7))."""
    if len(os.fsencode(path)) <= MAX_PATH or not Path("/proc/self/fd").exists():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def peer_pid(sock: socket.socket) -> int | None:
    """The process at the other end of a connected Unix socket, where the system tells (unix(7), SO_PEERCRED)."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    pid, _, _ = struct.unpack(
        "3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    )
    return int(pid)


_POSTS = "media"
"""The folder of the gateway's data with a socket for each media process."""


def how_it_ended(code: int) -> str:
    """The status of a process that is gone, in words."""
    return signal.Signals(-code).name if -code in {*signal.Signals} else f"exit status {code}"


def post_of(data_dir: Path, pid: int) -> Path:
    """The socket of a media process, by its process id."""
    return data_dir / _POSTS / f"{pid}.sock"


def posts(data_dir: Path) -> list[Path]:
    """The sockets that there are, those of processes that have died among them."""
    return sorted((data_dir / _POSTS).glob("*.sock"))
