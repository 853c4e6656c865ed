"""The clients of a comparison: each makes the same call to both sides, and gives what is compared."""

from __future__ import annotations

import asyncio
import subprocess
from functools import partial
from pathlib import Path
from typing import Final

from tests.browser.chromium import wait_for_speech
from tests.support.device import device
from tests.support.gateway import BOTS
from tests.support.peer import Peer, gathering_on
from tests.support.phone import PROVIDERS
from tests.support.waiting import until
from tests.unchanged import alone, cuts, telephones
from tests.unchanged.browsers import browser_page, calling
from tests.unchanged.rows import Row
from tests.unchanged.sides import Meet, Side, compared, with_bot

COUNTS: Final = BOTS / "counts.py"
MIRROR: Final = Path(__file__).parent / "bots" / "mirror.py"
GSTREAMER_SECONDS: Final = 60.0


async def by_aiortc(side: Side, _directory: Path) -> list[str]:
    gather = partial(gathering_on, alone.ADDRESS)
    async with Peer(side.url, request_data=None, gather=gather) as peer:
        states: list[str] = []
        peer.pc.on("connectionstatechange", lambda: states.append(peer.pc.connectionState))
        await peer.connect()
        await peer.hears()
        await peer.restart()
        await peer.hears()
    return states


async def by_pipecats_js(side: Side, _directory: Path) -> list[str]:
    async with calling("client.html", side.url) as page:
        await wait_for_speech(page)
        await page.evaluate("() => window.leave()")
        states: list[str] = await page.evaluate("() => window.states")
        ready: int = await page.evaluate("() => window.ready")
    return [*states, f"bot ready {ready}"]


async def by_a_camera_and_a_screen(side: Side, _directory: Path) -> list[str]:
    async with calling("video.html", side.url) as page:
        await page.wait_for_function("async () => (await window.frames()) > 20", polling=200)
        for source in ("camera", "screenVideo"):
            await until(lambda s=source: f"sees {s}" in side.events(), f"{side.name} sees {source}")  # type: ignore[misc]
        await page.evaluate("() => window.leave()")
    await until(lambda: "ended" in side.events(), f"{side.name} ends")
    return sorted(side.events())


async def by_pipecats_page(side: Side, _directory: Path) -> list[str]:
    async with browser_page() as page:
        await page.goto(f"{side.url}/client/")
        await page.get_by_text("initialized", exact=True).wait_for()
        await page.get_by_role("button", name="Connect", exact=True).click()
        await wait_for_speech(page)
        await page.get_by_role("button", name="Disconnect", exact=True).click()
        await page.get_by_text("disconnected", exact=True).first.wait_for()
    return ["heard", "disconnected"]


async def by_gstreamer(side: Side, _directory: Path) -> list[str]:
    program = Path(__file__).parent / "webrtcbin.py"
    command = ["/usr/bin/python3", str(program), side.url]
    run = partial(subprocess.run, capture_output=True, text=True, timeout=GSTREAMER_SECONDS, check=False)
    done = await asyncio.to_thread(run, command)
    told = done.stdout.splitlines()
    return told if done.returncode == 0 else [f"failed: {' '.join(told)}", done.stderr.strip()[-300:]]


async def by_the_device(side: Side, directory: Path) -> list[str]:
    async with device(directory / "device", url=side.url) as own:
        await own.live()
        await own.hears(500)
        await own.told(lambda event: event["event"] == "bot_ready", "the bot is ready")
    return [*own.failures(), *own.states()[-1:], "bot ready"]


CALLS: Final[dict[str, Meet]] = {
    "aiortc": by_aiortc,
    "pipecat-js": by_pipecats_js,
    "pipecat-page": by_pipecats_page,
    "chromium-video": by_a_camera_and_a_screen,
    "gstreamer": by_gstreamer,
    "device": by_the_device,
}
IN_TURN: Final = frozenset({"pipecat-js", "chromium-video"})
"""Two browsers at once are late on two cores."""
HERE_ALONE: Final = {
    "pipecat-page": "its own fetches code from the internet",
    "gstreamer": "aiortc alone has no cipher for its RSA certificate",
}


def rows() -> list[Row]:
    """Every client's."""
    calls = [Row("client", name, partial(_both, name), HERE_ALONE.get(name, "")) for name in CALLS]
    phones = [Row("client", provider, partial(telephones.meet, provider)) for provider in PROVIDERS]
    return [*calls, *phones, *cuts.rows()]


async def _both(name: str, directory: Path) -> list[str]:
    sides = with_bot(MIRROR if name == "chromium-video" else COUNTS)
    own = sides[:1] if name in HERE_ALONE else sides
    return await compared(CALLS[name], own, directory, at_once=name not in IN_TURN)
