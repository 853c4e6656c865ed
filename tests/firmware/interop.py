"""Drives firmware/test/peer/interop.c, a peer on a real socket, line by line."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2] / "firmware"
PROGRAM = ROOT / "build" / "test" / "interop"


class Program:
    """The running program: every line it prints can be waited for, once."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lines: list[str] = []
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read(), name="interop-reader")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for raw in self._process.stdout:
            async with self._news:
                self._lines.append(raw.decode().rstrip("\n"))
                self._news.notify_all()

    async def line(self, prefix: str, seconds: float = PATIENCE) -> str:
        """Return the first unread line with this prefix, less the prefix; it counts as read then."""
        try:
            async with asyncio.timeout(seconds), self._news:
                while True:
                    for at, text in enumerate(self._lines):
                        if text.startswith(prefix):
                            del self._lines[at]
                            return text[len(prefix) :].strip()
                    await self._news.wait()
        except TimeoutError as late:
            raise AssertionError(f"no line {prefix!r} within {seconds} s, but {self._lines}") from late

    async def sdp(self, kind: str) -> str:
        return (await self.line(f"{kind} ")).replace("\\n", "\r\n")

    async def tell(self, command: str, text: str = "") -> None:
        assert self._process.stdin is not None
        escaped = text.replace("\r\n", "\n").replace("\n", "\\n")
        self._process.stdin.write(f"{command} {escaped}\n".encode())
        await self._process.stdin.drain()

    async def message(self) -> tuple[int, str, bytes]:
        channel, kind, *data = (await self.line("message ")).split()
        return int(channel), kind, bytes.fromhex(data[0] if data else "")

    async def stats(self) -> dict[str, int]:
        await self.tell("stats")
        return {k: int(v) for k, v in (pair.split("=") for pair in (await self.line("stats ")).split())}

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()

    async def end(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        await self._reader


@contextlib.asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    program = Program(process)
    try:
        yield program
    finally:
        await program.end()
