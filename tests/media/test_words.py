from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.media.words import Spotter, find
from tests.media.sound import frames, spoken

VOICES = ("cmu_us_rms", "cmu_us_slt", "cmu_us_awb")


def found(words: tuple[str, ...], voice: str, text: str) -> set[str]:
    with Spotter([find(word) for word in words]) as spotter:
        return {word for frame in frames(spoken(text, voice)) for word in spotter.heard(frame)}


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize(
    ("word", "text"),
    [("okay nabu", "okay nabboo"), ("hey jarvis", "hey jarvis"), ("alexa", "alexa")],
)
def test_a_word_is_heard_and_no_other(word: str, text: str, voice: str) -> None:
    assert found(("okay nabu", "hey jarvis", "alexa"), voice, f"{text}. What time is it?") == {word}


@pytest.mark.parametrize("voice", VOICES)
def test_other_talk_is_none(voice: str) -> None:
    text = "The shop is open until five, and then we could take the bus to the station and have dinner."
    assert found(("okay nabu", "hey jarvis", "alexa"), voice, text) == set()


def test_a_word_is_found_however_it_is_written() -> None:
    assert find("Okay Nabu") is find("Okay Nabu")
    assert find("Okay Nabu").model == find("okay nabu").model


def model_of(folder: Path, **changed: object) -> Path:
    """A user's own model, as ESPHome's are laid out: that of "alexa", under another name."""
    alexa = find("alexa")
    (folder / "mine.tflite").write_bytes(alexa.model.read_bytes())
    said = {
        "wake_word": "Halt",
        "model": "mine.tflite",
        "micro": {"probability_cutoff": alexa.cutoff, "sliding_window_size": alexa.window},
        **changed,
    }
    (folder / "mine.json").write_text(json.dumps(said))
    return folder / "mine.json"


def test_a_model_of_ones_own_is_heard_by_its_file(tmp_path: Path) -> None:
    path = str(model_of(tmp_path))
    assert found((path,), "cmu_us_rms", "alexa") == {"halt"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("okay computer", "there is no wake word 'okay computer'"),
        ("{}/gone.json", "gone.json"),
        ("{}/empty.json", "describes no microWakeWord model"),
        ("{}/text.json", "describes no microWakeWord model"),
        ("{}/lost.json", "lost.tflite"),
        ("{}/onnx.json", "is no TensorFlow Lite model"),
    ],
)
def test_what_is_no_word_is_said_by_name(given: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")
    (tmp_path / "text.json").write_text("nothing")
    model_of(tmp_path, model="lost.tflite").rename(tmp_path / "lost.json")
    model_of(tmp_path, model="onnx.tflite").rename(tmp_path / "onnx.json")
    (tmp_path / "onnx.tflite").write_bytes(b"\x08\x07pytorch" * 100)
    with pytest.raises(ConfigError) as caught:
        find(given.format(tmp_path))
    assert said in caught.value.message
    assert caught.value.remedy
