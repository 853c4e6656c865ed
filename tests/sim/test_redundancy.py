"""The simulated device and the gateway over a path that loses in bursts: both repeat, and both take it."""

from __future__ import annotations

import wave
from pathlib import Path

from hil.network import Link
from hil.path.link import CLEAR, Impairments
from hil.path.trace import Way
from tests.support.device import device
from tests.support.gateway import ROOT, GatewayProcess
from tests.support.waiting import eventually

BURSTS = Impairments(loss=0.2, burst=3)
RED = 63
WAYS: tuple[Way, Way] = ("up", "down")
QUESTION = ROOT / "gateway" / "data" / "question.wav"


def speech(path: Path, times: int) -> Path:
    """Words without end: a tone is no voice to an encoder, and silence is not said twice."""
    with wave.open(str(QUESTION)) as one, wave.open(str(path), "wb") as many:
        many.setparams(one.getparams())
        many.writeframes(one.readframes(one.getnframes()) * times)
    return path


async def test_in_bursts_each_side_repeats_what_it_sent(echo: GatewayProcess, tmp_path: Path) -> None:
    words = speech(tmp_path / "speech.wav", 60)
    with Link(echo.url) as link:
        async with device(tmp_path, "--mic", str(words), url=link.url) as own:
            await own.live()
            kinds = {p.payload_type for way in WAYS for p in link.trace.media(way)}
            assert RED not in kinds
            link.impair(BURSTS, BURSTS, seed=3)

            async def both_repeat() -> bool:
                return all(any(p.payload_type == RED for p in link.trace.media(way)[-50:]) for way in WAYS)

            async def taken() -> bool:
                return bool((await own.ask("figures"))["fec"])

            await eventually(both_repeat, "both repeat")
            await eventually(taken, "the device plays what was repeated")
            link.impair(CLEAR, CLEAR)
            await own.hears(440)
