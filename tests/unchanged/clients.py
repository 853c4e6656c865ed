"""The clients of a comparison: the same call to both sides, and a cut of the network that each has to survive here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Error as BrowserError
from playwright.async_api import Page, async_playwright

from tests.browser.chromium import FLAGS, SPEECH_ENERGY, executable, watched
from tests.support.device import device
from tests.support.gateway import BOTS, GatewayProcess, serving, voicegw
from tests.support.peer import Peer, gathering_on
from tests.support.phone import PROVIDERS
from tests.support.waiting import until
from tests.unchanged import alone, bundle, telephones
from tests.unchanged.sides import SIDES, Side

COUNTS: Final = BOTS / "counts.py"
STARTED: Final = re.compile(r": bot ")
Wait = Callable[[], Awaitable[None]]
CUTS_S: Final = (7.0, 25.0)
PATIENCE_S: Final = 60.0
GSTREAMER: Final = " ".join(
    (
        *("python3-gi", "gir1.2-gst-plugins-bad-1.0"),
        *(f"gstreamer1.0-{name}" for name in ("nice", "plugins-bad", "plugins-good")),
    )
)
_GSTREAMER: Final = """
import gi
for name in ("Gst", "GstWebRTC", "GstSdp"):
    gi.require_version(name, "1.0")
from gi.repository import Gst
Gst.init(None)
assert all(map(Gst.ElementFactory.find, ("webrtcbin", "nicesrc", "opusenc")))
"""


@dataclass(frozen=True, slots=True)
class Met:
    """How a client fared: whether as it should, and what to say of it."""

    same: bool
    lines: list[str]


@contextlib.asynccontextmanager
async def browser_page(*secure: str) -> AsyncIterator[Page]:
    """A page of a new profile, that gets a microphone at these origins too."""
    more = [f"--unsafely-treat-insecure-origin-as-secure={','.join(secure)}"] if secure else []
    flags = [*FLAGS, "--use-fake-ui-for-media-stream", *more]
    async with async_playwright() as playwright:
        process = await playwright.chromium.launch(executable_path=executable(), args=flags)
        try:
            page = await process.new_page()
            await watched(page)
            yield page
        finally:
            await process.close()


async def hears(page: Page) -> None:
    await page.wait_for_function(
        "(enough) => window.heard > enough", arg=SPEECH_ENERGY, polling=100, timeout=PATIENCE_S * 1000
    )


async def hears_nothing(page: Page) -> None:
    await page.wait_for_function("() => Math.abs(window.heard) < 1e-5", polling=50, timeout=PATIENCE_S * 1000)


# -- the same call to both sides; each gives what is compared


async def by_aiortc(side: Side) -> list[str]:
    gather = partial(gathering_on, alone.ADDRESS)
    async with Peer(side.url, request_data=None, gather=gather) as peer:
        states: list[str] = []
        peer.pc.on("connectionstatechange", lambda: states.append(peer.pc.connectionState))
        await peer.connect()
        await peer.hears()
        await peer.restart()
        await peer.hears()
    return states


async def by_pipecats_js(side: Side) -> list[str]:
    with bundle.served() as url:
        async with browser_page() as page:
            await page.goto(url)
            await page.wait_for_function("() => window.call !== undefined")
            await page.evaluate("(url) => window.call(url)", side.url)
            await hears(page)
            await page.evaluate("() => window.leave()")
            states: list[str] = await page.evaluate("() => window.states")
            ready: int = await page.evaluate("() => window.ready")
    return [*states, f"bot ready {ready}"]


async def by_a_camera_and_a_screen(side: Side) -> list[str]:
    with bundle.served() as url:
        async with browser_page() as page:
            await page.goto(url.replace("client.html", "video.html"))
            await page.wait_for_function("() => window.call !== undefined")
            await page.evaluate("(url) => window.call(url)", side.url)
            await page.wait_for_function(
                "async () => (await window.frames()) > 20", polling=200, timeout=PATIENCE_S * 1000
            )
            for source in ("camera", "screenVideo"):
                await until(lambda s=source: f"sees {s}" in side.events(), f"{side.name} sees {source}")  # type: ignore[misc]
            await page.evaluate("() => window.leave()")
    await until(lambda: "ended" in side.events(), f"{side.name} ends")
    return sorted(side.events())


async def by_pipecats_page(side: Side) -> list[str]:
    async with browser_page() as page:
        await page.goto(f"{side.url}/client/")
        await page.get_by_text("initialized", exact=True).wait_for()
        await page.get_by_role("button", name="Connect", exact=True).click()
        await hears(page)
        await page.get_by_role("button", name="Disconnect", exact=True).click()
        await page.get_by_text("disconnected", exact=True).first.wait_for()
    return ["heard", "disconnected"]


async def by_gstreamer(side: Side) -> list[str]:
    program = Path(__file__).parent / "webrtcbin.py"
    done = await asyncio.to_thread(
        lambda: subprocess.run(
            ["/usr/bin/python3", str(program), side.url],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    )
    return done.stdout.splitlines() if done.returncode == 0 else [f"failed: {done.stderr.strip()[-300:]}"]


async def by_the_device(side: Side, directory: Path) -> list[str]:
    async with device(directory, url=side.url) as own:
        await own.live()
        await own.hears(500)
    return own.states()


# -- a cut, at our side alone: Pipecat's runner has no such promise


@contextlib.asynccontextmanager
async def gateway_apart(directory: Path, apart: alone.Apart) -> AsyncIterator[GatewayProcess]:
    settings = {
        "bot": str(COUNTS),
        "open": True,
        "plain_http": True,
        "announce": False,
        "allowed_origins": ["*"],
    }
    async with serving(directory, settings, host=alone.GATEWAY, prefix=apart.prefix) as gateway:
        yield gateway


async def survives(directory: Path, seconds: float, call: Callable[[GatewayProcess], Any]) -> list[str]:
    """Begin a call, cut the network, and see that the same bot is heard again; gives what went otherwise."""
    with alone.apart() as apart:
        async with gateway_apart(directory, apart) as gateway, call(gateway) as (is_cut, again):
            apart.cut()
            await asyncio.sleep(seconds)  # what is tried: a cut as long as this
            await is_cut()
            apart.join()
            await again()
            log = gateway.log()
    begun, ended = len(STARTED.findall(log)), log.count("session ended")
    return [] if (begun, ended) == (1, 0) else [f"{begun} bots had begun, and {ended} calls ended"]


@contextlib.asynccontextmanager
async def js_call(gateway: GatewayProcess) -> AsyncIterator[tuple[Wait, Wait]]:
    with bundle.served() as url:
        async with browser_page() as page:
            await page.goto(url)
            await page.wait_for_function("() => window.call !== undefined")
            await page.evaluate("(url) => window.call(url)", gateway.url)
            await hears(page)
            yield (partial(hears_nothing, page), partial(hears, page))


@contextlib.asynccontextmanager
async def page_call(gateway: GatewayProcess) -> AsyncIterator[tuple[Wait, Wait]]:
    config = str(gateway.directory / "voicegw.toml")
    made = voicegw("devices", "--config", config, "add", "page", "--role", "operator", "--json")
    key = json.loads(made.stdout)["key"]
    async with browser_page(gateway.url) as page:
        await page.add_init_script(f"sessionStorage.setItem('voicegw-key', {json.dumps(key)})")
        await page.goto(gateway.url)
        await page.locator("#talk-button").click()
        await hears(page)
        yield (partial(hears_nothing, page), partial(hears, page))


@contextlib.asynccontextmanager
async def device_call(gateway: GatewayProcess) -> AsyncIterator[tuple[Wait, Wait]]:
    async with device(gateway.directory / "device", url=gateway.url) as own:
        await own.live()
        await own.hears(500)
        own.events.clear()

        async def is_cut() -> None:
            missed = "the device misses its gateway"
            await until(lambda: own.states()[-1:] not in ([], ["live"]), missed, PATIENCE_S)

        async def again() -> None:
            await until(lambda: own.states()[-1:] == ["live"], "the device is live again", PATIENCE_S)
            await own.hears(600)

        yield is_cut, again


CUT: Final = {"page": page_call, "pipecat-js": js_call, "device": device_call}
CALLS: Final = {
    "aiortc": by_aiortc,
    "pipecat-js": by_pipecats_js,
    "pipecat-page": by_pipecats_page,
    "chromium-video": by_a_camera_and_a_screen,
    "gstreamer": by_gstreamer,
    "device": by_the_device,
}
OTHER_BOTS: Final = {"chromium-video": Path(__file__).parent / "bots" / "mirror.py"}
FAULTS: Final = (
    *(AssertionError, TimeoutError, RuntimeError, OSError),
    *(BrowserError, subprocess.SubprocessError),
)
OURS_ALONE: Final = frozenset({"pipecat-page"})
"""That page fetches code from the internet to open the microphone, but for the one that we serve."""
CLIENTS: Final = (*CALLS, *PROVIDERS, *(f"{name}-cut-{seconds:g}s" for name in CUT for seconds in CUTS_S))


async def meet(name: str, directory: Path) -> Met:
    """Have this client make its calls."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        if name in PROVIDERS:
            return _compared(*await telephones.meet(name, directory))
        return await (_cut(name, directory) if "-cut-" in name else _both(name, directory))
    except FAULTS as error:
        return Met(False, [f"failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}"])


async def _cut(name: str, directory: Path) -> Met:
    kind, seconds = name.removesuffix("s").split("-cut-")
    lines = await survives(directory, float(seconds), CUT[kind])
    return Met(not lines, lines)


async def _both(name: str, directory: Path) -> Met:
    found = []
    for open_side in SIDES[:1] if name in OURS_ALONE else SIDES:
        own = directory / open_side.__name__
        async with open_side(OTHER_BOTS.get(name, COUNTS), own, {}) as side:
            more = {"directory": own / "device"} if name == "device" else {}
            found.append(await CALLS[name](side, **more))  # type: ignore[operator]
    return _compared(found[0], found[-1])


def _compared(ours: list[str], theirs: list[str]) -> Met:
    failed = [line for line in ours if line.startswith("failed")]
    lines = [] if ours == theirs and not failed else [f"ours   {ours}", f"theirs {theirs}"]
    return Met(not lines, lines)


def lacking() -> str | None:
    """The line that brings what this machine lacks, if anything."""
    wanted = {
        "chromium": executable() is not None,
        "npm": shutil.which("npm") is not None,
        GSTREAMER: subprocess.run(
            ["/usr/bin/python3", "-c", _GSTREAMER], capture_output=True, check=False
        ).returncode
        == 0,
    }
    missing = [package for package, found in wanted.items() if not found]
    return f"apt-get install -y {' '.join(missing)}" if missing else None
