"""A network that is cut during a call: here the conversation goes on. Pipecat's runner has no such promise."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Final

from tests.browser.chromium import wait_for_silence, wait_for_speech
from tests.support.device import device
from tests.support.gateway import BOTS, GatewayProcess, serving, voicegw
from tests.support.waiting import until
from tests.unchanged import alone
from tests.unchanged.browsers import browser_page, calling
from tests.unchanged.rows import Row

SECONDS: Final = (7.0, 25.0)
_STARTED: Final = re.compile(r": bot ")
_SETTINGS: Final = {
    "bot": str(BOTS / "counts.py"),
    "open": True,
    "plain_http": True,
    "announce": False,
    "allowed_origins": ["*"],
}

Wait = Callable[[], Awaitable[None]]
Call = AbstractAsyncContextManager[tuple[Wait, Wait]]
"""A call that is heard; gives what waits until its client misses the gateway, and until it is heard again."""


@contextlib.asynccontextmanager
async def by_pipecats_js(gateway: GatewayProcess) -> AsyncIterator[tuple[Wait, Wait]]:
    async with calling("client.html", gateway.url) as page:
        await wait_for_speech(page)
        yield partial(wait_for_silence, page), partial(wait_for_speech, page)


@contextlib.asynccontextmanager
async def by_our_page(gateway: GatewayProcess) -> AsyncIterator[tuple[Wait, Wait]]:
    config = str(gateway.directory / "voicegw.toml")
    options = ("--config", config, "add", "page", "--role", "operator", "--json")
    made = await asyncio.to_thread(voicegw, "devices", *options)
    key = json.loads(made.stdout)["key"]
    async with browser_page(gateway.url) as page:
        await page.add_init_script(f"sessionStorage.setItem('voicegw-key', {json.dumps(key)})")
        await page.goto(gateway.url)
        await page.locator("#talk-button").click()
        await wait_for_speech(page)
        yield partial(wait_for_silence, page), partial(wait_for_speech, page)


@contextlib.asynccontextmanager
async def by_the_device(gateway: GatewayProcess) -> AsyncIterator[tuple[Wait, Wait]]:
    async with device(gateway.directory / "device", url=gateway.url) as own:
        await own.live()
        await own.hears(500)
        own.events.clear()

        async def misses() -> None:
            await until(lambda: own.states()[-1:] not in ([], ["live"]), "the device misses its gateway")

        async def again() -> None:
            await until(lambda: own.states()[-1:] == ["live"], "the device is live again")
            await own.hears(600)

        yield misses, again


CALLS: Final[dict[str, Callable[[GatewayProcess], Call]]] = {
    "page": by_our_page,
    "pipecat-js": by_pipecats_js,
    "device": by_the_device,
}


def rows() -> list[Row]:
    """Each client with a short cut and a long one."""
    why = "there a call ends with its connection"
    return [
        Row("client", f"{name}-cut-{s:g}s", partial(survives, name, s), why)
        for name in CALLS
        for s in SECONDS
    ]


async def survives(name: str, seconds: float, directory: Path) -> list[str]:
    """Begin a call, cut the network, and see that the same bot is heard again; gives what went otherwise."""
    with alone.apart() as apart:
        async with (
            serving(directory, _SETTINGS, host=alone.GATEWAY, prefix=apart.prefix) as gateway,
            CALLS[name](gateway) as (misses, again),
        ):
            apart.cut()
            await asyncio.sleep(seconds)  # what is tried: a cut as long as this
            await misses()
            apart.join()
            await again()
            log = gateway.log()
    begun, ended = len(_STARTED.findall(log)), log.count("session ended")
    return [] if (begun, ended) == (1, 0) else [f"{begun} bots had begun, and {ended} calls ended"]
