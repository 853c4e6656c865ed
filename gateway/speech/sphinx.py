"""A process's way to the recogniser: connects, carries its streams, connects again when the connection breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from loguru import logger

from gateway.environment import engine_socket
from gateway.speech.engine_process import READY_SECONDS, EngineProcess
from gateway.speech.framing import FramingError, Kind, Message, Splitter
from gateway.speech.language_model import LanguageModel
from gateway.speech.sphinx_stream import RecogniserError, SphinxStream

_MAX_PENDING = 4 << 20  # bytes to send: 2 minutes of speech; beyond, the recogniser hangs
_READ = 1 << 16
_BACKOFF_SECONDS = (0.0, 0.1, 0.5, 2.0)


class SphinxEngine:
    """One event loop's connection to the recogniser that listens at `path`, and the streams that use it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._streams: dict[int, SphinxStream] = {}
        self._last_stream = 0
        self._writer: asyncio.StreamWriter | None = None
        self._ready = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None
        self.reconnects = 0

    async def start(self) -> None:
        """Connect and wait until the recogniser is ready. Raises RecogniserError where it isn't within 60 s."""
        if self._owner is None:
            self._owner = asyncio.create_task(self._run(), name="sphinx-engine")
        try:
            await asyncio.wait_for(self._ready.wait(), READY_SECONDS)
        except TimeoutError:
            await self.stop()
            raise RecogniserError(f"the recogniser did not answer within {READY_SECONDS:g} s") from None

    async def stop(self) -> None:
        """Disconnect. Streams that still wait get an error."""
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
        """Queue a message for the recogniser; dropped while there is none (streams replay to the next one)."""
        if self._writer is None or not self._ready.is_set():
            return
        if self._writer.transport.get_write_buffer_size() > _MAX_PENDING:
            logger.warning("the recogniser doesn't keep up: this process connects to it anew")
            self._writer.transport.abort()
            self._ready.clear()
            return
        self._writer.write(message.encode())

    async def _run(self) -> None:
        """Stay connected: each end of a connection is followed by another after a growing pause."""
        failures = 0
        while True:
            await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])
            was_ready = False
            try:
                was_ready = await self._live()
            except (OSError, FramingError) as error:
                logger.warning("the recogniser: {}", error)
            failures = 0 if was_ready else failures + 1
            self.reconnects += 1

    async def _live(self) -> bool:
        """One connection from start to end; whether the recogniser ever was ready."""
        was_ready = False
        reader, self._writer = await asyncio.open_unix_connection(self._path)
        splitter = Splitter()
        try:
            while data := await reader.read(_READ):
                for message in splitter.feed(data):
                    was_ready = was_ready or message.kind is Kind.READY
                    self._take(message)
        except ConnectionError:
            pass  # it died
        finally:
            self._ready.clear()
            self._writer.close()
            self._writer = None
        return was_ready

    def _take(self, message: Message) -> None:
        if message.kind is Kind.READY:
            self._ready.set()
            for stream in list(self._streams.values()):
                stream.replay()
        elif message.stream in self._streams:
            self._streams[message.stream].settle(message)


@dataclass(frozen=True, slots=True)
class Beside:
    """Moonshine beside sphinx, and the sentences of one's own that it hears what was meant by."""

    sentences: Path | None = None


def recogniser(model: LanguageModel, beside: Beside | None = None) -> EngineProcess:
    """A recogniser process for `model`, to be started."""
    paths = [str(path) for path in (model.arpa, model.dictionary, model.acoustic)]
    module = "gateway.speech.sphinx_worker" if beside is None else "gateway.speech.moonshine_worker"
    if beside is not None and beside.sentences is not None:
        paths.append(str(beside.sentences))
    mend = f"remove {model.arpa.parent}, which is made anew (cache_dir), and look at the machine's memory"
    return EngineProcess("recogniser", _socket_name(model, beside), module, *paths, mend=mend)


def _socket_name(model: LanguageModel, beside: Beside | None) -> str:
    return model.arpa.parent.name + ("" if beside is None else "-both")  # which its contents decide


class _Shared:
    """What the users of one model share in one event loop: made when the first one enters."""

    def __init__(self, model: LanguageModel, beside: Beside | None) -> None:
        self._model, self._beside = model, beside
        self._entering = asyncio.Lock()
        self._held = AsyncExitStack()
        self._engine: SphinxEngine | None = None
        self.users = 0

    async def enter(self) -> SphinxEngine:
        async with self._entering:
            if self._engine is None:
                self._engine = await self._held.enter_async_context(_connected(self._model, self._beside))
        return self._engine

    async def leave(self) -> None:
        await self._held.aclose()


_Which = tuple[LanguageModel, Beside | None]
_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Which, _Shared]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_engine(model: LanguageModel, beside: Beside | None = None) -> AsyncIterator[SphinxEngine]:
    """This event loop's way to a recogniser for `model`.

    That is the one that a process above announced (`engine_process.held`), else one of this loop's own: its first user
    starts it, the last one's exit ends it. Raises RecogniserError or EngineError where there is none within 60 s.
    """
    engines = _shared.setdefault(asyncio.get_running_loop(), {})
    which = model, beside
    shared = engines.setdefault(which, _Shared(model, beside))
    shared.users += 1
    try:
        yield await shared.enter()
    finally:
        shared.users -= 1
        if shared.users == 0:
            engines.pop(which, None)
            await shared.leave()


@asynccontextmanager
async def _connected(model: LanguageModel, beside: Beside | None) -> AsyncIterator[SphinxEngine]:
    async with AsyncExitStack() as held:
        path = engine_socket("recogniser")
        if path is None or path.name != _socket_name(model, beside) or not path.is_socket():
            process = recogniser(model, beside)
            held.push_async_callback(process.stop)
            await process.start()
            path = process.path
        engine = SphinxEngine(path)
        held.push_async_callback(engine.stop)
        await engine.start()
        yield engine
