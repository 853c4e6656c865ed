"""The same device against Pipecat's own runner, without a gateway of ours."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aioice.ice import get_host_addresses

from tests.support.device import device
from tests.support.gateway import ROOT, environment
from tests.support.middle import kept_port
from tests.support.waiting import eventually, until

HOST = next(iter(get_host_addresses(use_ipv4=True, use_ipv6=False)), "")
"""An address of this machine's: aioice gathers none on loopback, so the runner's answer would have no candidate."""
RUNNER = "from gateway.bots.echo import bot\nfrom pipecat.runner.run import main\nmain()"


def start(directory: Path, port: int) -> subprocess.Popen[bytes]:
    options = ["-t", "webrtc", "--esp32", "--host", HOST, "--port", str(port)]
    with (directory / "runner.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-c", RUNNER, *options], cwd=ROOT, env=environment(), stdout=log, stderr=log
        )


@contextlib.asynccontextmanager
async def runner(directory: Path) -> AsyncIterator[str]:
    """Pipecat's development runner with the echo bot; gives its URL."""
    with kept_port(HOST) as port:
        async with started(directory, port) as url:
            yield url


@contextlib.asynccontextmanager
async def started(directory: Path, port: int) -> AsyncIterator[str]:
    process = start(directory, port)
    url = f"http://{HOST}:{port}"

    async def answers() -> bool:
        assert process.poll() is None, (directory / "runner.log").read_text()
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(trust_env=False) as client:
                await client.get(url)
            return True
        return False

    try:
        await eventually(answers, "the runner listens", 90)
        yield url
    finally:
        process.terminate()
        try:
            await until(lambda: process.poll() is not None, "the runner has ended", 15)
        except AssertionError:
            process.kill()


@pytest.mark.skipif(not HOST, reason="this machine has no address but loopback")
async def test_a_tone_comes_back_from_pipecats_own_runner(tmp_path: Path) -> None:
    async with runner(tmp_path) as url, device(tmp_path / "device", url=url) as own:
        await own.live()
        await own.hears(500, 25)
        own.events.clear()
        await own.ask("reconnect")
        await own.live()
        await own.hears(600, 25)
