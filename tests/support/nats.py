"""A real `nats-server` on loopback, as a process of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.middle import kept_port
from tests.support.waiting import PATIENCE, eventually

WHY_NOT = "needs nats-server (apt-get install nats-server) and nats-py (voicegw[hosts])"


def possible() -> bool:
    """Whether it can be started here."""
    with contextlib.suppress(ImportError):
        import nats  # noqa: F401, PLC0415 -- an extra

        return bool(shutil.which("nats-server"))
    return False


@dataclass
class Server:
    """One, with what it keeps in a folder."""

    directory: Path
    port: int
    arguments: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        self.directory.mkdir(parents=True, exist_ok=True)
        own = ["--addr", "127.0.0.1", "--port", str(self.port)]
        kept = ["--jetstream", "--store_dir", str(self.directory / "store")]
        with (self.directory / "nats.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 -- a start takes no time
                ["nats-server", *own, *(self.arguments or kept)],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

        async def listens() -> bool:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                return False
            writer.close()
            return True

        await eventually(listens, "nats-server listens")

    def stop(self) -> None:
        """Stop it, as its restart would."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None


@contextlib.asynccontextmanager
async def served(directory: Path, *arguments: str) -> AsyncIterator[Server]:
    """Run one for the length of the block."""
    with kept_port() as port:
        server = Server(directory, port, arguments)
        await server.start()
        try:
            yield server
        finally:
            server.stop()
