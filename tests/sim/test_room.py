"""A device whose microphone hears its own speaker, in a room: it is not deaf, and not talkative."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.media import speex
from gateway.speech.flite import Flite
from tests.support.device import Device, device
from tests.support.gateway import BOTS, GatewayProcess, serving
from tests.support.waiting import until

ROOM = "level=-6,delay=30,decay=120"
needs_speex = pytest.mark.skipif(not speex.available(), reason=speex.INSTALL)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(_built: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    settings = {"bot": str(BOTS / "talker.py")}
    async with serving(tmp_path_factory.mktemp("room"), settings) as started:
        yield started


def said(path: Path, text: str) -> Path:
    """A recording of somebody who says this every six seconds, for two minutes."""
    pcm = Flite("cmu_us_slt").speak(text)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", "not compressed"))
        file.writeframes((bytes(6 * 32_000 - len(pcm)) + pcm) * 20)
    return path


def heard(own: Device) -> list[float]:
    """How loud the bot heard each second that it spoke, in dB of full scale, by what it says of it."""
    texts = [e["text"] for e in own.events if e["event"] == "transcript" and e["who"] == "user"]
    return [float(text.removeprefix("level ")) for text in texts if text.startswith("level ")]


@needs_speex
async def test_it_does_not_hear_itself(gateway: GatewayProcess, tmp_path: Path) -> None:
    """What comes back of it is -28 dB of full scale."""
    async with device(tmp_path, "--room", ROOM, url=gateway.secure_url) as own:
        await until(lambda: len(heard(own)) >= 6, "the bot has spoken for some seconds")
        assert max(heard(own)) < -40, heard(own)


@needs_speex
async def test_who_speaks_while_it_does_is_heard(gateway: GatewayProcess, tmp_path: Path) -> None:
    recording = said(tmp_path / "person.wav", "What is twelve times seven, and what time is it now?")
    arguments = ("--room", ROOM, "--mic", str(recording))
    async with device(tmp_path, *arguments, url=gateway.secure_url) as own:
        await until(lambda: any(level > -35 for level in heard(own)), "somebody is heard")
