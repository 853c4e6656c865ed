"""Debian's Chromium, with a file for a microphone, and an eye on what a page does wrong."""

from __future__ import annotations

import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import soxr
from playwright.async_api import Browser, Page, async_playwright

from tests.support.waiting import PATIENCE

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
)
_RATE = 48_000
_SILENCE_BEFORE_S = 3.0  # the call is being set up meanwhile
_SILENCE_AFTER_S = 15.0  # time for an answer; who gets none asks again

# What was heard is asked of the peer connections themselves (W3C webrtc-stats, RTCInboundRtpStreamStats):
# `heard` is the energy of the last second.
_WITNESS = """
  const peers = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) { super(...args); peers.push(this); }
  };
  const energies = Array(11).fill(0);
  const energyOf = async (peer) =>
    [...(await peer.getStats()).values()]
      .filter((report) => report.type === "inbound-rtp" && report.kind === "audio")
      .reduce((sum, report) => sum + (report.totalAudioEnergy ?? 0), 0);
  setInterval(async () => {
    const each = await Promise.all(peers.filter((peer) => peer.connectionState !== "closed").map(energyOf));
    energies.push(each.reduce((sum, energy) => sum + energy, 0));
    energies.shift();
    window.heard = energies.at(-1) - energies[0];
  }, 100);
"""

SPEECH_ENERGY = 1e-3
"""Of one second, as mean square times seconds: speech at -30 dBFS; noise at -60 dBFS has a thousandth of it."""


def executable() -> str | None:
    """Where Chromium is, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def microphone(speech: Path, to: Path) -> Path:
    """Write 16-bit mono speech as what Chromium takes for a microphone: 48 kHz, silence around it."""
    with wave.open(str(speech)) as source:
        assert (source.getnchannels(), source.getsampwidth()) == (1, 2), "mono, 16 bits"
        samples = np.frombuffer(source.readframes(source.getnframes()), np.int16)
        voice = soxr.resample(samples, source.getframerate(), _RATE)
    before, after = (np.zeros(int(s * _RATE), np.int16) for s in (_SILENCE_BEFORE_S, _SILENCE_AFTER_S))
    with wave.open(str(to), "wb") as recording:
        recording.setparams((1, 2, _RATE, 0, "NONE", ""))
        recording.writeframes(np.concatenate([before, voice, after]).tobytes())
    return to


@asynccontextmanager
async def chromium(*, recording: Path | None = None, grant: bool = True) -> AsyncIterator[Browser]:
    """Run a browser with a fresh profile.

    Args:
        recording: what its microphone hears, over and over; by default Chromium's own beeps.
        grant: whether pages get the microphone, or are refused it.
    """
    flags = [*FLAGS]
    if recording is not None:
        flags.append(f"--use-file-for-fake-audio-capture={recording}")
    if grant:
        flags.append("--use-fake-ui-for-media-stream")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=flags)
        try:
            yield browser
        finally:
            await browser.close()


class Faults(list[str]):
    """What a page complained about: errors, console messages of that kind, and breaches of its policy."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        page.on("console", lambda m: self.append(m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda e: self.append(str(e)))


async def watched(page: Page) -> Faults:
    """Note a page's faults and hear its calls from now on; call it before the page is opened."""
    page.set_default_timeout(1_000 * PATIENCE)
    await page.add_init_script(_WITNESS)
    return Faults(page)


async def wait_for_speech(page: Page, *, seconds: float = PATIENCE) -> None:
    """Wait until the page's calls bring sound as loud as speech."""
    await _wait(page, "(enough) => window.heard > enough", seconds)


async def wait_for_silence(page: Page, *, seconds: float = PATIENCE) -> None:
    """Wait until the page's calls have brought next to nothing for a second."""
    await _wait(page, "(enough) => Math.abs(window.heard) < enough / 100", seconds)


async def _wait(page: Page, condition: str, seconds: float) -> None:
    await page.wait_for_function(condition, arg=SPEECH_ENERGY, polling=100, timeout=seconds * 1000)
