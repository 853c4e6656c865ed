"""The chain from audio to intent, on speech of other voices, human recordings and noise."""

import wave
from collections.abc import Callable, Iterator
from itertools import cycle

import numpy as np
import numpy.typing as npt
import pytest

from gateway.speech.flite import Flite
from gateway.speech.meaning.intents import Intent, Recogniser
from gateway.speech.meaning.understanding import Understanding
from tests.speech.conftest import DATA, in_a_room

_VOICES = ("cmu_us_slt", "cmu_us_awb")
Hear = Callable[[bytes], str]
ACTIONS = {"TimerSet", "TimerCancel", "VolumeSet", "VolumeUp", "VolumeDown", "Mute", "Unmute"}


def _lines(name: str) -> list[str]:
    return (DATA / name).read_text().splitlines()


def _some(name: str) -> list[str]:
    """Every third line of a file: all of them, in many voices, are `make room-bench`'s."""
    return _lines(name)[::3]


def _spoken(name: str) -> Iterator[tuple[str, bytes]]:
    """Some lines of a file and their speech, one voice after the other."""
    voices = cycle(Flite(voice) for voice in _VOICES)
    for voice, text in zip(voices, _some(name), strict=False):
        yield text, in_a_room(voice.speak(text))


def test_what_is_asked_is_understood(hear: Hear, recogniser: Recogniser) -> None:
    def meant(text: str) -> list[Intent]:
        return Understanding(recogniser).intents(text, 0.0)

    wrong = {
        text: heard for text, pcm in _spoken("in_domain.txt") if meant(heard := hear(pcm)) != meant(text)
    }
    assert len(wrong) <= 0.08 * len(_some("in_domain.txt")), wrong


def test_what_is_off_topic_is_not_understood(hear: Hear, recogniser: Recogniser) -> None:
    accepted = {
        text: heard
        for text, pcm in _spoken("off_topic.txt")
        if recogniser.recognise(heard := hear(pcm)) is not None
    }
    assert len(accepted) <= 1, accepted


@pytest.mark.parametrize("name", ["human_austen_1", "human_austen_2", "human_goforward"])
def test_a_person_reading_aloud_is_not_understood(name: str, hear: Hear, recogniser: Recogniser) -> None:
    with wave.open(str(DATA / f"{name}.wav")) as file:
        assert recogniser.recognise(hear(file.readframes(file.getnframes()))) is None


Samples = npt.NDArray[np.float64]


def _white(rng: np.random.Generator) -> Samples:
    return rng.normal(size=32_000) * 0.3


def _pink(rng: np.random.Generator) -> Samples:
    spectrum = np.fft.rfft(rng.normal(size=32_000))
    samples = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)))
    return np.asarray(samples / np.abs(samples).max())


def _chords(rng: np.random.Generator) -> Samples:
    notes = rng.choice([261.6, 293.7, 329.6, 392.0, 440.0, 523.3], size=(8, 3))
    at = np.arange(4_000) / 16_000
    return np.concatenate([np.sin(2 * np.pi * chord[:, None] * at).mean(axis=0) for chord in notes])


def _babble(rng: np.random.Generator) -> Samples:
    out = np.zeros(40_000)
    for voice in ("cmu_us_rms", "cmu_us_awb", "cmu_us_slt", "cmu_us_rms", "cmu_us_awb", "cmu_us_slt"):
        pcm = Flite(voice).speak(str(rng.choice(_lines("off_topic.txt"))))
        samples = np.frombuffer(pcm, dtype=np.int16)[:40_000] / 32_768
        out[: len(samples)] += samples
    return out


def _at_all_levels(make: Callable[[np.random.Generator], Samples]) -> Iterator[bytes]:
    rng = np.random.default_rng(1)
    for level in (0.01, 0.03, 0.1, 0.3):
        for _ in range(3):
            yield (np.clip(make(rng) * level, -1, 1) * 32_000).astype(np.int16).tobytes()


@pytest.mark.parametrize("make", [_white, _pink, _chords])
def test_noise_means_nothing(
    make: Callable[[np.random.Generator], Samples], hear: Hear, recogniser: Recogniser
) -> None:
    accepted = [heard for pcm in _at_all_levels(make) if recogniser.recognise(heard := hear(pcm)) is not None]
    assert accepted == []


def test_six_voices_at_once_change_nothing(hear: Hear, recogniser: Recogniser) -> None:
    """A crowd may be taken for a question now and then, one clip of twelve here; it must set or stop nothing."""
    intents = [recogniser.recognise(hear(pcm)) for pcm in _at_all_levels(_babble)]
    understood = [intent.name for intent in intents if intent is not None]
    assert not ACTIONS & set(understood)
    assert len(understood) <= 1, understood


def test_the_bundled_question_is_understood(hear: Hear) -> None:
    with wave.open(str(DATA.parents[2] / "gateway" / "data" / "question.wav")) as file:
        assert file.getframerate() == 16_000
        assert hear(file.readframes(file.getnframes())) == "what is twelve times seven"
