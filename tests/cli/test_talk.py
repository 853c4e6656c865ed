from __future__ import annotations

import wave
from pathlib import Path

import pytest

from gateway.cli import talk
from gateway.errors import BadRequest, Unreachable
from gateway.rtc.codec import SAMPLE_RATE
from tests.support.gateway import voicegw


@pytest.mark.parametrize("lost", [1, 3])
def test_a_recording_that_was_cut_short_is_asked_as_far_as_it_goes(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "cut.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setparams((2, 2, SAMPLE_RATE, 0, "NONE", ""))
        wav.writeframes(bytes(4 * 1_000))
    path.write_bytes(path.read_bytes()[:-lost])
    assert len(talk.read_question(path)) == 2 * 999


@pytest.mark.parametrize("rate", [1, 2_000_000_000])
def test_a_recording_at_a_rate_that_nobody_records_at_is_refused(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "odd.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, rate, 0, "NONE", ""))
        wav.writeframes(bytes(2_000))
    with pytest.raises(BadRequest, match=f"has {rate} samples a second"):
        talk.read_question(path)


def test_where_the_answer_cant_be_kept_is_said_before_the_question_is_asked(
    tmp_path: Path,
) -> None:
    for place in (tmp_path, tmp_path / "none" / "a.wav"):
        done = voicegw("talk", "--url", "http://127.0.0.1:9", "--save", str(place))
        assert (done.returncode, done.stdout) == (2, "")
        assert "--save" in done.stderr
    assert talk.place_of(tmp_path / "a.wav") == tmp_path / "a.wav"


async def test_a_gateway_of_its_own_that_is_not_ready_in_time_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(talk, "START_SECONDS", 0.0)
    with pytest.raises(Unreachable, match="was not ready within"):
        async with talk.own_gateway(lambda _: None):
            pass
