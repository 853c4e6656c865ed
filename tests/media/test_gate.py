"""What reaches a bot of a recorded sentence, at the levels and in the rooms in which people speak to a device."""

from __future__ import annotations

import wave
from importlib import resources

import numpy as np
import numpy.typing as npt
import pytest

from gateway.media.gate import AFTER, BEFORE, Gate

FRAME = 320
Signal = npt.NDArray[np.float64]


def sentence(level: float) -> Signal:
    """Somebody who speaks, at this mean level in dBFS."""
    with wave.open(str(resources.files("gateway") / "data" / "question.wav")) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    voiced = np.sqrt(np.mean(pcm[np.abs(pcm) > 200] ** 2))
    scaled: Signal = pcm[: pcm.size // FRAME * FRAME] * (32_768 * 10 ** (level / 20) / voiced)
    return scaled


def room(seconds: float, level: float, seed: int = 1) -> Signal:
    """Steady noise of this level in dBFS."""
    return np.random.default_rng(seed).normal(0, 32_768 * 10 ** (level / 20), int(seconds * 50) * FRAME)


def frames(signal: Signal) -> list[bytes]:
    pcm = np.clip(signal, -32_768, 32_767).astype("<i2")
    return [pcm[start : start + FRAME].tobytes() for start in range(0, pcm.size, FRAME)]


def passed(gate: Gate, signal: Signal) -> list[bytes]:
    return [frame for taken in frames(signal) for frame in gate.take(taken)]


@pytest.mark.parametrize("noise", [-90.0, -60.0, -48.0])
def test_a_room_in_which_nobody_speaks_is_silent_once_its_noise_is_known(noise: float) -> None:
    gate = Gate()
    passed(gate, room(8, noise))
    assert passed(gate, room(20, noise, seed=2)) == []


@pytest.mark.parametrize(("level", "noise"), [(-25.0, -60.0), (-43.0, -60.0), (-53.0, -66.0), (-30.0, -45.0)])
def test_of_a_sentence_nothing_is_lost_nor_of_what_is_around_it(level: float, noise: float) -> None:
    gate = Gate()
    said = sentence(level)
    passed(gate, room(8, noise))
    whole = room(3, noise, seed=2), said + room(said.size / 16_000, noise, seed=3), room(5, noise, seed=4)
    found = passed(gate, np.concatenate(whole))
    wanted = frames(whole[1])
    voiced = [
        i
        for i, f in enumerate(frames(said))
        if np.abs(np.frombuffer(f, "<i2")).max() > 3 * 10 ** (noise / 20) * 32_768
    ]
    first = found.index(wanted[voiced[0]])
    assert found[first : first + voiced[-1] - voiced[0] + 1] == wanted[voiced[0] : voiced[-1] + 1]
    assert first >= min(BEFORE - 5, voiced[0])
    assert len(found) <= len(wanted) + BEFORE + AFTER + 25


@pytest.mark.parametrize("level", [-38.0, -12.0])
def test_what_is_loud_and_steady_is_no_silence(level: float) -> None:
    gate = Gate()
    sound = room(20, level)
    assert passed(gate, sound) == frames(sound)


def test_a_long_speech_without_a_pause_goes_through_whole() -> None:
    gate = Gate()
    passed(gate, room(8, -60))
    said = sentence(-30.0)
    parts = frames(said)
    loud = [part for part in parts if np.abs(np.frombuffer(part, "<i2")).max() > 500]
    speech = loud * 8
    assert [frame for taken in speech for frame in gate.take(taken)][-len(speech) :] == speech


def test_what_is_not_sent_in_silence_tells_nothing_of_the_room() -> None:
    """Opus' DTX: 20 ms of the room's noise in each 400, nothing in between."""
    gate = Gate()
    heard = frames(room(60, -60))
    for index in range(20 * 50):
        heard[index] = heard[index] if index % 20 == 0 else bytes(640)
        gate.take(heard[index])
    assert [frame for index in range(500) for frame in gate.take(heard[index])] == []


def test_of_a_pause_that_is_not_sent_nothing_is_made_up_for() -> None:
    gate = Gate()
    passed(gate, room(8, -60))
    said = frames(room(1, -20))
    passed(gate, room(1, -20, seed=2))
    for pause in (1, 30, 90):
        assert [gate.take(bytes(640)) for _ in range(pause)] == [()] * pause
        assert [frame for taken in said for frame in gate.take(taken)] == said


def test_what_rests_holds_nothing_of_before() -> None:
    gate = Gate()
    passed(gate, room(8, -60))
    gate.rest()
    assert gate.take(loud := frames(room(0.1, -20))[0]) == (loud,)


def test_the_first_words_of_a_call_are_heard_though_the_room_is_unknown() -> None:
    gate = Gate()
    said = sentence(-40.0)
    said += room(said.size / 16_000, -70.0)
    assert passed(gate, said) == frames(said)
