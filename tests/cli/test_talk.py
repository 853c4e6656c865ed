from __future__ import annotations

import wave
from pathlib import Path

import pytest

from gateway.cli import talk
from gateway.errors import Unreachable
from gateway.rtc.codec import SAMPLE_RATE


@pytest.mark.parametrize("lost", [1, 3])
def test_a_recording_that_was_cut_short_is_asked_as_far_as_it_goes(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "cut.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setparams((2, 2, SAMPLE_RATE, 0, "NONE", ""))
        wav.writeframes(bytes(4 * 1_000))
    path.write_bytes(path.read_bytes()[:-lost])
    assert len(talk.read_question(path)) == 2 * 999


async def test_a_gateway_of_its_own_that_is_not_ready_in_time_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(talk, "START_SECONDS", 0.0)
    with pytest.raises(Unreachable, match="was not ready within"):
        async with talk.own_gateway(lambda _: None):
            pass
