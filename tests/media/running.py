"""Bots in processes of their own, begun from a real template, and what is seen of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.media.bots import BotProcess, Bots
from gateway.settings import Settings
from gateway.wire.calls import BotJob
from tests.support.gateway import BOTS, ROOT, children

RUNNER = "tests.support.bot_runner"
BOT = str(BOTS / "process.py")
BAD = str(BOTS / "does_not_import.py")


@asynccontextmanager
async def running(
    settings: Settings | None = None, *, forks: bool = True, again: bool = False
) -> AsyncIterator[Bots]:
    bots = Bots(settings or Settings(bot=BOT), runner=RUNNER, forks=forks)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(ROOT))
        try:
            await bots.start(again=again)
            yield bots
        finally:
            await bots.stop()


async def begin(bots: Bots, do: str, *, bot: str = BOT, **body: Any) -> BotProcess:
    job = BotJob(session_id=f"s-{do}", bot=bot, body={"do": do, **body}, device=None, pc_id="p")
    return await bots.begin(job)


async def told(process: BotProcess) -> str:
    """A line that the bot sends."""
    data = b""
    while not data.endswith(b"\n"):
        data += (more := await asyncio.get_running_loop().sock_recv(process.sock, 1 << 16))
        assert more, f"the bot closed after {data!r}"
    return data.decode()


async def looked(bots: Bots) -> dict[str, Any]:
    """What a bot sees of its process; it has ended by then."""
    process = await begin(bots, "look")
    seen: dict[str, Any] = json.loads(await told(process))
    await process.ended
    process.sock.close()
    return seen


def template(bots: Bots) -> int:
    """The process id of the template."""
    assert bots._template is not None
    assert bots._template._process is not None
    return bots._template._process.pid


def spares(bots: Bots) -> list[int]:
    """The children of the template, but for those that have a job."""
    busy = {p.pid for p in bots._processes.values()}
    return [pid for pid in children(template(bots)) if pid not in busy and "sleep" not in command(pid)]


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
