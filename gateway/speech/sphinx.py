"""The gateway's side of the recogniser process: starts it, feeds it, replaces it when it dies."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

from loguru import logger

from gateway.errors import GatewayError
from gateway.speech.framing import HEADER, MAX_PAYLOAD, FramingError, Kind, Message, decode_header
from gateway.speech.language_model import LanguageModel

_MAX_UTTERANCE = 30 * 32_000  # bytes kept for a replay; the recogniser decodes no more either
_MAX_PENDING = 4 << 20  # bytes in the pipe: 2 minutes of speech; beyond, the recogniser hangs
_READY_SECONDS = 20.0
_RESULT_SECONDS = 5.0
_TRIES = 2
_BACKOFF_SECONDS = (0.0, 0.1, 0.5, 2.0, 5.0)
_STOP_SECONDS = 2.0


class RecogniserError(GatewayError):
    """The recogniser process could not give a transcript; the call goes on without it."""

    code = "recogniser"
    status = 503


@dataclass(slots=True)
class _Utterance:
    """What was said, kept until its transcript is there: a new process gets it again."""

    number: int
    result: asyncio.Future[str]
    audio: bytearray = field(default_factory=bytearray)
    ended: bool = False
    tries: int = 1


class SphinxStream:
    """One session's microphone: start an utterance, feed it, finish it."""

    def __init__(self, engine: SphinxEngine, number: int) -> None:
        self.number = number
        self._engine = engine
        self._last = 0
        self._current: _Utterance | None = None
        self._open: dict[int, _Utterance] = {}  # begun, transcript not there yet

    def start(self) -> None:
        """Begin an utterance; one that was not finished is dropped."""
        if self._current is not None:
            self._open.pop(self._current.number, None)
        self._last += 1
        self._current = _Utterance(self._last, asyncio.get_running_loop().create_future())
        self._open[self._last] = self._current
        self._engine.send(Message(Kind.START, self.number, self._last))

    def feed(self, pcm: bytes) -> None:
        """Some 16-bit mono PCM at 16 kHz of the utterance; ignored outside of one, and after 30 s of it."""
        if self._current is None or len(self._current.audio) >= _MAX_UTTERANCE:
            return
        self._current.audio += pcm
        self._send_audio(self._current, pcm)

    async def finish(self) -> str:
        """End the utterance; its transcript in lower case, empty where there were no words.

        Raises RecogniserError where the recogniser died twice over it, or takes longer than 5 s.
        """
        utterance, self._current = self._current, None
        if utterance is None:
            return ""
        utterance.ended = True
        self._engine.send(Message(Kind.END, self.number, utterance.number))
        try:
            return await asyncio.wait_for(utterance.result, _RESULT_SECONDS)
        except TimeoutError:
            raise RecogniserError(f"no transcript after {_RESULT_SECONDS:g} s") from None
        finally:
            self._open.pop(utterance.number, None)

    def close(self) -> None:
        """Give the stream back."""
        self._current = None
        self.fail("the stream was closed")
        self._engine.forget(self)

    def replay(self) -> None:
        """Say everything open again to a new recogniser process; give up what already killed two."""
        for utterance in list(self._open.values()):
            utterance.tries += 1
            if utterance.tries > _TRIES:
                self._fail(utterance, "the recogniser died twice over this utterance")
                continue
            self._engine.send(Message(Kind.START, self.number, utterance.number))
            self._send_audio(utterance, bytes(utterance.audio))
            if utterance.ended:
                self._engine.send(Message(Kind.END, self.number, utterance.number))

    def settle(self, message: Message) -> None:
        """Take an answer of the recogniser; one to an utterance that was dropped is ignored."""
        utterance = self._open.get(message.utterance)
        if utterance is None or utterance.result.done():
            return
        text = message.payload.decode()
        if message.kind is Kind.RESULT:
            utterance.result.set_result(text)
        else:
            self._fail(utterance, text)

    def fail(self, why: str) -> None:
        """Give up everything open."""
        for utterance in list(self._open.values()):
            self._fail(utterance, why)

    def _fail(self, utterance: _Utterance, why: str) -> None:
        if utterance.ended and not utterance.result.done():
            utterance.result.set_exception(RecogniserError(why))
        elif not utterance.ended:
            self._open.pop(utterance.number, None)
            self._current = None if self._current is utterance else self._current

    def _send_audio(self, utterance: _Utterance, pcm: bytes) -> None:
        for start in range(0, len(pcm), MAX_PAYLOAD):
            piece = pcm[start : start + MAX_PAYLOAD]
            self._engine.send(Message(Kind.AUDIO, self.number, utterance.number, piece))


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
        stream = SphinxStream(self, self._last_stream)
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
