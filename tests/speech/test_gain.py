from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pipecat.audio.vad.vad_analyzer import VADState

from gateway.bots.assistant import voice_activity
from gateway.sections import Hearing
from gateway.speech.flite import Flite
from gateway.speech.gain import TARGET_DB, Gain

BLOCK = 512


def noise(db: float, blocks: int = 1, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 10 ** (db / 20), BLOCK * blocks).astype(np.float32)


def level(of: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(of**2)))


def test_what_is_quiet_is_made_louder_and_no_more_than_may_be() -> None:
    gain = Gain(30.0, BLOCK / 16_000)
    assert level(gain.take(noise(-70))) == pytest.approx(-40, abs=1)


def test_who_is_far_is_made_as_loud_as_who_is_near() -> None:
    for db in (-50, -40, -25):
        assert level(Gain(30.0, BLOCK / 16_000).take(noise(db))) == pytest.approx(TARGET_DB, abs=1)


def test_what_is_loud_is_left_as_it_is() -> None:
    loud = noise(-12)
    assert np.array_equal(Gain(30.0, BLOCK / 16_000).take(loud), loud)


def test_after_a_loud_sound_a_quiet_one_is_quiet_for_seconds() -> None:
    gain = Gain(30.0, BLOCK / 16_000)
    gain.take(noise(-12))
    assert level(gain.take(noise(-60))) == pytest.approx(-60, abs=1)
    for n in range(100):
        last = gain.take(noise(-60, seed=n))
    assert level(last) == pytest.approx(-30, abs=1)


def opens(text: str, dbfs: float, hearing: Hearing) -> bool:
    """Whether somebody who says this so loud in a quiet room begins a turn."""
    said = np.frombuffer(Flite("cmu_us_slt").speak(text), "<i2").astype(np.float64) / 32_768
    loud = said[np.abs(said) > 0.02]
    said *= 10 ** (dbfs / 20) / np.sqrt(np.mean(loud**2))
    room = np.random.default_rng(2).normal(0, 10 ** (-75 / 20), said.size + 32_000)
    room[16_000 : 16_000 + said.size] += said
    pcm = (room * 32_767).astype("<i2").tobytes()
    vad = voice_activity(hearing)
    vad.set_sample_rate(16_000)
    states = [vad._run_analyzer(pcm[at : at + 640]) for at in range(0, len(pcm) - 639, 640)]
    return VADState.SPEAKING in states


@pytest.mark.parametrize(
    ("text", "dbfs"),
    [("stop", -43), ("louder", -43), ("yes", -33), ("what time is it", -53), ("set a timer", -53)],
)
def test_a_short_word_and_a_far_speaker_open_a_turn(text: str, dbfs: float) -> None:
    assert opens(text, dbfs, Hearing())


def test_without_gain_the_far_speaker_does_not() -> None:
    assert not opens("what time is it", -70, Hearing(gain_db=0))


def test_a_room_in_which_nobody_speaks_opens_none() -> None:
    assert not opens("stop", -120, Hearing())
