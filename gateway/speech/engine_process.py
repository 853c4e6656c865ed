"""Who holds an engine that calls share: starts it, watches it, replaces it on the same path when it dies or hangs."""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

from loguru import logger

from gateway.environment import Engine, engine_announced
from gateway.errors import GatewayError
from gateway.speech.framing import HEADER, FramingError, Kind, Message, decode_header
from ground import folders
from ground.trouble import reason

READY_SECONDS = 60.0  # to import Pipecat and load a model, on a slow machine
_PING_SECONDS = 5.0
_HUNG_SECONDS = 15.0  # without an answer; no piece of work takes it a second
_BACKOFF_SECONDS = (0.0, 0.1, 0.5, 2.0, 5.0)
_STOP_SECONDS = 2.0
_BACKLOG = 128


class EngineError(GatewayError):
    """An engine that calls share could not be started."""

    code = "engine"
    status = 503


class EngineProcess:
    """One engine for all processes that know its path.

    The listening socket is held here, so that whoever connects while there is no process waits for the next one.

    Args:
        kind: what it is announced as.
        name: of its socket; says which model it runs.
        module: what to run; gets the listening socket's descriptor, then `arguments`.
        arguments: of the module.
        ping_seconds: how often it is asked whether it is there.
        hung_seconds: after how long without an answer it is replaced.
        mend: what to do where it never gets ready.
    """

    def __init__(  # noqa: PLR0913 -- what is known of it
        self,
        kind: Engine,
        name: str,
        module: str,
        *arguments: str,
        ping_seconds: float = _PING_SECONDS,
        hung_seconds: float = _HUNG_SECONDS,
        mend: str = "",
    ) -> None:
        self.kind = kind
        self._name = name
        self._command = (module, arguments)
        self._ping_seconds = ping_seconds
        self._hung_seconds = hung_seconds
        self._listener: socket.socket | None = None
        self._process: Process | None = None
        self._ready = asyncio.Event()
        self._owner: asyncio.Task[str] | None = None
        self._mend = mend
        self.path = Path()
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The process id, None while there is none."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises EngineError where it isn't within 60 s, or ends each time that it is tried.
        """
        try:
            self._listen()
        except OSError as error:
            nowhere = "no folder for temporary files can be written to"
            why = nowhere if isinstance(error, FileNotFoundError) else reason(error)
            raise EngineError(
                f"the {self.kind} has nowhere to listen: {why}",
                remedy=f"make {folders.temporary()} writable, or set TMPDIR to a short path that is",
            ) from error
        self._owner = asyncio.create_task(self._run(), name=self.kind)
        ready = asyncio.create_task(self._ready.wait(), name=f"{self.kind}-ready")
        came, how = False, f" within {READY_SECONDS:g} s"
        try:
            either = {ready, self._owner}
            await asyncio.wait(either, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            came = ready.done()
            how = f": its process {self._owner.result()}" if self._owner.done() else how
        finally:
            ready.cancel()
            if not came:
                await self.stop()
        if not came:
            raise EngineError(f"the {self.kind} did not start{how}", remedy=self._mend)

    def _listen(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="voicegw-")) / self._name  # of mode 0700
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(str(self.path))
            self._listener.listen(_BACKLOG)
        except OSError:
            self._unlisten()
            raise

    def _unlisten(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
            self.path.parent.rmdir()

    async def stop(self) -> None:
        """End the process."""
        if self._owner is not None:
            self._owner.cancel()
            with suppress(asyncio.CancelledError):
                await self._owner
            self._owner = None
        self._unlisten()

    async def _run(self) -> str:
        """Keep a process running: each death is logged, and followed by another after a growing pause.

        Gives why the last one died where none was ever ready.
        """
        failures, was_ready = 0, False
        while True:
            await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])
            try:
                why = await self._live()
            except OSError as error:
                why = str(error)
            except asyncio.CancelledError:
                await self._let_end()
                raise
            was_ready = was_ready or self._ready.is_set()
            failures = 0 if self._ready.is_set() else failures + 1
            self._ready.clear()
            await self._kill()
            if not was_ready and failures == len(_BACKOFF_SECONDS):
                return why
            self.restarts += 1
            logger.warning("the {} process {}; starting another", self.kind, why)

    async def _live(self) -> str:
        """One process from start to end; why it has to be replaced."""
        assert self._listener is not None
        module, arguments = self._command
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, str(self._listener.fileno()), *arguments,
            stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, cwd=Path(__file__).parents[2],
            pass_fds=[self._listener.fileno()],
        )  # fmt: skip
        ending = asyncio.create_task(self._process.wait(), name=f"{self.kind}-end")
        watching = asyncio.create_task(self._watch(), name=f"{self.kind}-watch")
        try:
            await asyncio.wait({ending, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            watching.cancel()
            await asyncio.gather(ending, watching, return_exceptions=True)
        code = self._process.returncode
        return "does not answer" if code is None else f"ended ({code})"

    async def _watch(self) -> None:
        """Be a client that asks whether it is there, until it doesn't say so."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        try:
            await _expect(reader, Kind.READY, READY_SECONDS)
            self._ready.set()
            while True:
                await asyncio.sleep(self._ping_seconds)
                writer.write(Message(Kind.PING).encode())
                await _expect(reader, Kind.PONG, self._hung_seconds)
        except (OSError, FramingError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _let_end(self) -> None:
        """End the process the gentle way: it ends when its stdin does."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        await self._kill()

    async def _kill(self) -> None:
        """End the process, and leave the path alone."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _expect(reader: asyncio.StreamReader, kind: Kind, seconds: float) -> None:
    message, _ = decode_header(await asyncio.wait_for(reader.readexactly(HEADER.size), seconds))
    if message.kind is not kind:
        raise FramingError(f"{message.kind.name} in place of {kind.name}")


@asynccontextmanager
async def held(*engines: EngineProcess) -> AsyncIterator[None]:
    """Engines that this process holds, and announces to itself and to all processes that it starts meanwhile.

    Raises EngineError where one doesn't start.
    """
    starting = [asyncio.create_task(engine.start(), name=f"{engine.kind}-start") for engine in engines]
    try:
        await asyncio.gather(*starting)
        with ExitStack() as announced:
            for engine in engines:
                announced.enter_context(engine_announced(engine.kind, engine.path))
            yield
    finally:
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        await asyncio.gather(*(engine.stop() for engine in engines))
