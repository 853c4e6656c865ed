from collections.abc import Callable

import numpy as np
import pytest

from gateway.errors import ConfigError
from gateway.speech import espeak, flite, synthesis
from tests.speech.conftest import in_a_room


def test_the_recogniser_understands_the_voice(hear: Callable[[bytes], str]) -> None:
    pcm = flite.Flite().speak("What time is it? Set a timer for five minutes.")
    assert "what time is it" in hear(in_a_room(pcm))  # the rest varies: the voice's excitation is random


def test_speech_starts_at_once() -> None:
    samples = np.frombuffer(flite.Flite().speak("Yes."), dtype=np.int16)
    assert np.flatnonzero(np.abs(samples) > 200)[0] <= 160


@pytest.mark.parametrize("text", ["", "...", "\N{CAT FACE}"])
def test_text_without_a_word_is_silent(text: str) -> None:
    assert flite.Flite().speak(text) == b""


def test_silence_trims_to_nothing() -> None:
    assert flite.trim(bytes(3200)) == b""


def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(ConfigError, match="marvin") as caught:
        flite.Flite("marvin")
    assert "cmu_us_slt" in caught.value.remedy


def test_without_any_synthesiser_the_error_has_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ConfigError("espeak-ng can't be loaded")

    monkeypatch.setattr(flite, "available", lambda: False)
    monkeypatch.setattr(espeak, "Espeak", missing)
    with pytest.raises(ConfigError) as caught:
        synthesis.make_synthesiser()
    assert caught.value.remedy == "sudo apt-get install -y libflite1"


def test_a_library_that_is_not_there_is_a_config_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, **_: object) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(flite, "CDLL", absent)
    with pytest.raises(ConfigError, match=r"libflite\.so\.1"):
        flite._load.__wrapped__("cmu_us_slt")


def test_espeak_speaks_where_its_wheel_is_installed() -> None:
    pytest.importorskip("espeakng_loader")
    voice = espeak.Espeak()
    assert len(voice.speak("Hello there.")) > voice.sample_rate // 2
