import asyncio
import subprocess
import sys
import threading
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


@pytest.mark.parametrize("voice", flite.VOICES)
def test_it_speaks_in_pieces_that_are_there_before_the_whole_is(voice: str) -> None:
    pieces: list[bytes] = []
    flite.Flite(voice).stream("What time is it?", pieces.append)
    assert len(pieces) > 3
    assert max(map(len, pieces)) < sum(map(len, pieces)) / 2


def test_who_wants_no_more_is_given_no_more() -> None:
    pieces: list[bytes] = []

    def take(pcm: bytes) -> bool:
        pieces.append(pcm)
        return True

    flite.Flite().stream("What time is it?", take)
    assert len(pieces) == 1


FIRST_AT_ONCE = """
import threading
from gateway.speech import flite, synthesis

def speak(speaks):
    together.wait()
    assert speaks().speak("What time is it?")

who = [flite.Flite, synthesis.make_synthesiser] * 3
together = threading.Barrier(len(who))
threads = [threading.Thread(target=speak, args=(one,)) for one in who]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_the_first_of_a_process_may_be_several_at_once() -> None:
    """Calls that share a process; loaded by two at once, the library crashed that in two of three runs."""
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", FIRST_AT_ONCE], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr, done.stderr


def _trimmed(pcm: bytes, size: int) -> bytes:
    trim = flite.Trim()
    return b"".join(trim.take(pcm[at : at + size]) for at in range(0, len(pcm), size)) + trim.end()


@pytest.mark.parametrize("size", [2, 640, 100_000])
def test_silence_trims_to_nothing(size: int) -> None:
    assert _trimmed(bytes(3200), size) == b""


@pytest.mark.parametrize("size", [2, 640, 100_000])
def test_only_silence_at_the_ends_is_trimmed_whatever_the_pieces(size: int) -> None:
    word = np.full(1_000, 9_000, np.int16).tobytes()
    whole = _trimmed(bytes(9_600) + word + bytes(9_600) + word + bytes(9_600), size)
    assert whole == bytes(320) + word + bytes(9_600) + word + bytes(3_200)


async def test_a_sentence_that_nobody_hears_on_is_not_synthesised_on() -> None:
    class Endless:
        name, sample_rate = "endless", 16_000

        def speak(self, text: str) -> bytes:
            return text.encode()

        def stream(self, _text: str, take: Callable[[bytes], bool | None]) -> None:
            while not take(bytes(640)):
                pass
            ended.set()

    ended = threading.Event()
    speech = synthesis.pieces(Endless(), "")
    assert await anext(speech)
    await speech.aclose()
    assert await asyncio.to_thread(ended.wait, 20)


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
