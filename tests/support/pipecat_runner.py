"""Pipecat's own development runner with a bot's file, as its author starts it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import httpx

from tests.support.gateway import environment
from tests.support.middle import kept_port
from tests.support.waiting import eventually

HOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def running(
    bot: Path, directory: Path, *options: str, extra: Mapping[str, str] | None = None
) -> AsyncIterator[str]:
    """Run it for the length of the block; gives its URL."""
    with kept_port(HOST) as port:
        command = [sys.executable, str(bot), "-t", "webrtc", "--host", HOST, "--port", str(port), *options]
        process = _start(command, directory, extra)
        url = f"http://{HOST}:{port}"

        async def answers() -> bool:
            assert process.poll() is None, (directory / "runner.log").read_text()
            with contextlib.suppress(httpx.HTTPError):
                async with httpx.AsyncClient(trust_env=False) as client:
                    await client.get(f"{url}/status")
                return True
            return False

        try:
            await eventually(answers, "Pipecat's runner listens")
            yield url
        finally:
            process.kill()  # told to end, it waits for its bots
            process.wait()


def _start(
    command: Sequence[str], directory: Path, extra: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    with (directory / "runner.log").open("wb") as log:
        return subprocess.Popen(command, cwd=directory, env=environment(extra), stdout=log, stderr=log)
