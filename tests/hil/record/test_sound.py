from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from hil.record import sound

QUESTION = Path(__file__).parents[2] / "data" / "speech" / "what_time_is_it.wav"


def sine(hz: float, seconds: float = 1.0, level: float = 0.3) -> sound.Signal:
    return level * np.sin(2 * np.pi * hz * np.arange(int(seconds * sound.RATE)) / sound.RATE)


def test_the_level_is_the_rms() -> None:
    assert sound.level_db(sine(500, level=1.0)) == pytest.approx(-3.01, abs=0.01)
    assert sound.level_db(np.zeros(100)) == -120
    assert sound.level_db(np.zeros(0)) == -120


@pytest.mark.parametrize("hz", [200.0, 440.3, 3_999.0])
def test_a_tone_is_found_between_the_bins(hz: float) -> None:
    noise = np.random.default_rng(1).normal(0, 0.01, sound.RATE)
    found = sound.tone(sine(hz) + noise)
    assert found.hz == pytest.approx(hz, abs=0.2)
    assert found.share > 0.9


def test_noise_and_silence_are_no_tone() -> None:
    assert sound.tone(np.random.default_rng(1).normal(0, 0.1, sound.RATE)).share < 0.1
    assert sound.tone(np.zeros(sound.RATE)).share == 0


def test_gaps_count_from_ten_milliseconds_on_and_only_within_sound() -> None:
    pause, tone = np.zeros(800), sine(500)
    signal = np.concatenate([pause, tone, np.zeros(320), tone, np.zeros(80), tone, pause])
    found = sound.gaps(signal)
    assert found.count == 1
    assert found.longest_ms == pytest.approx(20, abs=1)


def test_a_step_in_the_waveform_is_a_click() -> None:
    broken = np.concatenate([sine(400, 0.5013), sine(400, 0.5)])
    assert sound.clicks(sine(400)) == 0
    assert sound.clicks(broken) == 1


@pytest.mark.parametrize("lag", [0.0, 0.055, 0.6])
def test_a_recording_is_found_in_a_longer_one(lag: float) -> None:
    said = sound.read(QUESTION)
    rng = np.random.default_rng(2)
    heard = np.concatenate([np.zeros(int(lag * sound.RATE)), 0.4 * said, np.zeros(9_000)])
    found = sound.align(said, heard + rng.normal(0, 0.002, heard.size))
    assert found.lag == pytest.approx(lag, abs=0.006)
    assert found.likeness > 0.95


def test_the_loud_part_leaves_silence_out() -> None:
    assert sound.loud_part(
        np.concatenate([np.zeros(4_000), sine(300), np.zeros(4_000)])
    ).size == pytest.approx(16_000, abs=160)
    assert sound.loud_part(np.zeros(100)).size == 0


def test_speech_is_recognised_and_silence_says_nothing() -> None:
    assert "time" in sound.words(sound.read(QUESTION))
    assert sound.word_errors(["what", "time", "is", "it"], ["what", "time", "it"]) == 0.25
    assert sound.word_errors(["a"], []) == 1


def test_another_rate_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(100))
    with pytest.raises(ValueError, match="16000"):
        sound.read(path)
