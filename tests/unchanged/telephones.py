"""The same telephone call to both sides, as each provider makes it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from tests.support import phone as phones
from tests.support import pipecat_runner
from tests.support.gateway import serving
from tests.support.waiting import until
from tests.unchanged.sides import Side, compared

BOT: Final = Path(__file__).parent / "bots" / "phone.py"
_TICKET: Final = re.compile(r"/ws/[\w-]+")


@asynccontextmanager
async def ours(provider: str, directory: Path) -> AsyncIterator[Side]:
    settings = {"bot": str(BOT), "announce": False, "phone": {"provider": provider, "url": phones.URL}}
    async with serving(directory, settings, extra=phones.ENVIRONMENT) as gateway:
        yield Side("ours", gateway.url, gateway.log)


@asynccontextmanager
async def theirs(provider: str, directory: Path) -> AsyncIterator[Side]:
    directory.mkdir(parents=True, exist_ok=True)
    options = ("-t", provider, "-x", phones.HOST)
    async with pipecat_runner.running(BOT, directory, *options, extra=phones.ENVIRONMENT) as url:
        yield Side("theirs", url, lambda: (directory / "runner.log").read_text(errors="replace"))


async def call(provider: str, side: Side, _directory: Path) -> list[str]:
    """What the webhook is answered, what the caller is told, and what the bot tells of itself."""
    headers = {"Host": phones.HOST, **phones.signed(provider)}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        answer = await http.post(side.url, data=phones.FORM, headers=headers)
    stream = phones.stream_of(answer.text).replace("wss:", "ws:")
    where = urlsplit(side.url)
    assert where.port is not None
    async with phones.calling(
        provider, stream, "127.0.0.1", where.port, phones.handshake(provider)
    ) as caller:
        await caller.hears(440.0)
        kinds = {str(sorted(m)) for m in caller.messages}
        await caller.hangs_up()
        await until(lambda: "ended" in side.events(), f"{side.name} ends")
    told = [f"{answer.status_code} {answer.headers['content-type']}", _TICKET.sub("/ws", answer.text)]
    return [*told, *sorted(kinds), *side.events()]


async def meet(provider: str, directory: Path) -> list[str]:
    """In what a call by this provider differs."""
    sides = [partial(side, provider) for side in (ours, theirs)]
    return await compared(partial(call, provider), sides, directory)
