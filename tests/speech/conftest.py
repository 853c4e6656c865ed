from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pocketsphinx import Decoder

from gateway.speech.flite import Flite
from gateway.speech.intents import Recogniser
from gateway.speech.language_model import LanguageModel, language_model
from gateway.speech.sentences import load_book

DATA = Path(__file__).parents[1] / "data" / "speech"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return language_model(load_book(), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def recogniser() -> Recogniser:
    return Recogniser(load_book())


@pytest.fixture(scope="session")
def hear(model: LanguageModel) -> Callable[[bytes], str]:
    """PCM to what the recogniser makes of it, fed in pieces of 20 ms."""
    decoder = Decoder(
        hmm=str(model.acoustic), lm=str(model.arpa), dict=str(model.dictionary), loglevel="FATAL"
    )

    def decode(pcm: bytes) -> str:
        decoder.start_utt()
        for at in range(0, len(pcm), 640):
            decoder.process_raw(pcm[at : at + 640])
        decoder.end_utt()
        found = decoder.hyp()
        return str(found.hypstr) if found else ""

    return decode


def in_a_room(pcm: bytes) -> bytes:
    """PCM with 0.2 s of quiet on each side, as the VAD cuts it, and a microphone's noise."""
    samples = np.frombuffer(bytes(6400) + pcm + bytes(6400), dtype=np.int16).astype(np.float64)
    samples += np.random.default_rng(0).normal(0, 20, len(samples))
    return samples.clip(-32768, 32767).astype(np.int16).tobytes()


@pytest.fixture(scope="session")
def say() -> Callable[[str], bytes]:
    """A sentence as PCM, by a voice that isn't the assistant's own."""
    return lambda text: in_a_room(Flite("cmu_us_rms").speak(text))
