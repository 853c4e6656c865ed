"""The gateway's side of the recogniser process: starts it, feeds it, replaces it when it dies."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from loguru import logger

from gateway.speech.framing import HEADER, FramingError, Kind, Message, decode_header
from gateway.speech.language_model import LanguageModel
from gateway.speech.sphinx_stream import RecogniserError, SphinxStream

_MAX_PENDING = 4 << 20  # bytes in the pipe: 2 minutes of speech; beyond, the recogniser hangs
_READY_SECONDS = 20.0
_BACKOFF_SECONDS = (0.0, 0.1, 0.5, 2.0, 5.0)
_STOP_SECONDS = 2.0


class SphinxEngine:
    """The recogniser process of this event loop, and the streams that use it."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._streams: dict[int, SphinxStream] = {}
        self._last_stream = 0
        self._process: Process | None = None
        self._ready = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The recogniser's process id, None while there is none."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process and wait until it is ready. Raises RecogniserError where it isn't within 20 s."""
        if self._owner is None:
            self._owner = asyncio.create_task(self._run(), name="sphinx-engine")
        try:
            await asyncio.wait_for(self._ready.wait(), _READY_SECONDS)
        except TimeoutError:
            await self.stop()
            raise RecogniserError(f"the recogniser did not start within {_READY_SECONDS:g} s") from None

    async def stop(self) -> None:
        """End the process. Streams that still wait get an error."""
        if self._owner is not None:
            self._owner.cancel()
            with suppress(asyncio.CancelledError):
                await self._owner
            self._owner = None
        for stream in list(self._streams.values()):
            stream.fail("the recogniser was stopped")

    def open(self) -> SphinxStream:
        """A stream of its own for a session; close it."""
        self._last_stream += 1
        stream = SphinxStream(self._last_stream, self.send, self.forget)
        self._streams[stream.number] = stream
        return stream

    def forget(self, stream: SphinxStream) -> None:
        """Drop a stream that was closed."""
        if self._streams.pop(stream.number, None) is not None:
            self.send(Message(Kind.CLOSE, stream.number))

    def send(self, message: Message) -> None:
        """Queue a message for the process; dropped while there is none (streams replay to the next one)."""
        process = self._process
        if process is None or process.stdin is None or not self._ready.is_set():
            return
        if process.stdin.transport.get_write_buffer_size() > _MAX_PENDING:
            logger.warning("the recogniser doesn't keep up: it is replaced")
            self._kill()
            return
        process.stdin.write(message.encode())

    async def _run(self) -> None:
        """Keep a process running: each death is logged, and followed by another after a growing pause."""
        failures = 0
        while True:
            await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])
            try:
                was_ready = await self._live()
            except (OSError, FramingError) as error:
                logger.error(f"the recogniser: {error}")
                was_ready = self._ready.is_set()
            finally:
                await self._end_process()
            self.restarts += 1
            failures = 0 if was_ready else failures + 1
            logger.warning("the recogniser process ended; starting another")

    async def _live(self) -> bool:
        """One process from start to end; whether it ever was ready."""
        paths = (self._model.arpa, self._model.dictionary, self._model.acoustic)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.speech.sphinx_worker", *map(str, paths),
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        while (message := await self._read()) is not None:
            if message.kind is Kind.READY:
                self._ready.set()
                for stream in self._streams.values():
                    stream.replay()
            elif message.stream in self._streams:
                self._streams[message.stream].settle(message)
        return self._ready.is_set()

    async def _read(self) -> Message | None:
        reader = self._process.stdout if self._process else None
        if reader is None:
            return None
        try:
            message, length = decode_header(await reader.readexactly(HEADER.size))
            payload = await reader.readexactly(length) if length else b""
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return Message(message.kind, message.stream, message.utterance, payload)

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        self._ready.clear()
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass(slots=True)
class _Shared:
    engine: SphinxEngine
    users: int = 0


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[LanguageModel, _Shared]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_engine(model: LanguageModel) -> AsyncIterator[SphinxEngine]:
    """This event loop's recogniser for `model`: the first user starts it, the last one's exit ends it.

    A worker process that enters this once at its start has it warm for every call.
    Raises RecogniserError where it doesn't start.
    """
    engines = _shared.setdefault(asyncio.get_running_loop(), {})
    shared = engines.setdefault(model, _Shared(SphinxEngine(model)))
    shared.users += 1
    try:
        await shared.engine.start()
        yield shared.engine
    finally:
        shared.users -= 1
        if shared.users == 0:
            engines.pop(model, None)
            await shared.engine.stop()
