"""A question to the assistant, as `make sim` asks it."""

from __future__ import annotations

import asyncio
import re
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from gateway.speech.flite import Flite
from tests.support.device import PLAIN, Device, device
from tests.support.gateway import GatewayProcess, serving
from tests.support.waiting import eventually, until

QUESTION = Path(__file__).parents[1] / "data" / "speech" / "what_time_is_it.wav"
LONG_ANSWER = "what can you do"
"""It is answered for nine seconds: so slow may the answer to the first be, and the second still falls into it."""
PAUSE_SECONDS = 5


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def assistant(_built: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    async with serving(tmp_path_factory.mktemp("assistant"), {"bot": "assistant"}) as gateway:
        yield gateway


async def test_it_asks_and_prints_what_came_back(assistant: GatewayProcess, tmp_path: Path) -> None:
    speaker = tmp_path / "answer.wav"
    process = await asyncio.create_subprocess_exec(
        *[str(PLAIN), "--gateway", assistant.url, "--store", str(tmp_path / "store"), "--interface", "lo"],
        *["--ask", str(QUESTION), "--speaker", str(speaker)],
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    lines = out.decode().strip().splitlines()
    assert process.returncode == 0, lines
    last = re.fullmatch(r'heard="(.*)" said="(.*)" first_audio_ms=(\d+)', lines[-1])
    assert last is not None, lines[-1]
    assert "time" in last[1]
    assert last[2]
    assert any("speech end to transcript" in line for line in lines)
    with wave.open(str(speaker), "rb") as wav:
        assert wav.getframerate() == 16_000
        heard = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
    assert np.sqrt(np.mean(heard.astype(float) ** 2)) > 50


async def test_speaking_over_the_bot_silences_it(assistant: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, "--mic", str(tile(tmp_path)), url=assistant.secure_url) as own:
        await own.told(
            lambda e: e["event"] == "speaking" and e["who"] == "bot" and e["on"], "the bot speaks", 40
        )
        await until(lambda: spoken_over(own) is not None, "the user speaks again, and ends")
        assert ("bot", False) in (spoken_over(own) or ()), own.events

        async def silent() -> bool:
            await own.ask("capture start")
            await asyncio.sleep(0.3)
            return int((await own.ask("capture"))["sound_percent"]) < 30

        await eventually(silent, "the speaker is silent")


def spoken_over(own: Device) -> list[tuple[str, bool]] | None:
    """Who began and ended to speak while the user spoke over the bot for the first time; `None` until that is over."""
    told = [(e["who"], e["on"]) for e in own.events if e["event"] == "speaking"]
    speaks = False
    for at, (who, on) in enumerate(told):
        if (who, on) == ("user", True) and speaks and ("user", False) in told[at:]:
            return told[at : told.index(("user", False), at)]
        speaks = on if who == "bot" else speaks
    return None


def tile(directory: Path) -> Path:
    """The question, again when the answer has begun, and twice more where that came late."""
    rate, pcm = 16_000, Flite("cmu_us_slt").speak(LONG_ANSWER)
    path = directory / "again.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(b"\0\0" * rate + (pcm + b"\0\0" * (PAUSE_SECONDS * rate)) * 4)
    return path
