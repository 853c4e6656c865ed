from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from gateway.speech import engine_process, moonshine, sphinx, sphinx_stream, sphinx_worker, turns
from gateway.speech.engine_process import EngineProcess, held
from gateway.speech.flite import Flite
from gateway.speech.framing import Kind, Message
from gateway.speech.language_model import LanguageModel, language_model
from gateway.speech.meaning.intents import Recogniser
from gateway.speech.meaning.sentences import load_book
from gateway.speech.moonshine_worker import Both, meaning
from gateway.speech.recognition import transcript
from gateway.speech.sphinx_stream import Heard
from tests.support import cache

DATA = Path(__file__).parents[1] / "data" / "speech"


@pytest.fixture(scope="session")
def model() -> LanguageModel:
    return language_model(load_book(), cache.folder())


@asynccontextmanager
async def held_recogniser(model: LanguageModel) -> AsyncIterator[EngineProcess]:
    """A recogniser that this process holds, as `gateway.bots.assistant.prepared` does."""
    process = sphinx.recogniser(model)
    async with held(process):
        yield process


@pytest.fixture(autouse=True)
def _a_machine_may_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sphinx_stream, "_RESULT_SECONDS", 60.0)
    monkeypatch.setattr(engine_process, "READY_SECONDS", 60.0)
    monkeypatch.setattr(sphinx, "READY_SECONDS", 60.0)
    monkeypatch.setattr(turns, "_SECONDS", 60.0)


@pytest.fixture(scope="session")
def recogniser() -> Recogniser:
    return Recogniser(load_book())


@pytest.fixture(scope="session")
def hear(model: LanguageModel) -> Callable[[bytes], str]:
    """PCM to what the recogniser makes of it as the first utterance of a call, fed in pieces of 20 ms."""
    files = moonshine.folder()
    assert files is not None, "moonshine-voice is not installed, or is a release without its model"
    sphinx_alone = sphinx_worker.recogniser(str(model.arpa), str(model.dictionary), str(model.acoustic))
    worker = Both(sphinx_alone, moonshine.Moonshine(files).hear, meaning(None))

    def decode(pcm: bytes) -> str:
        pieces = [Message(Kind.AUDIO, 1, 1, pcm[at : at + 640]) for at in range(0, len(pcm), 640)]
        messages = [Message(Kind.START, 1, 1), *pieces, Message(Kind.END, 1, 1), Message(Kind.CLOSE, 1)]
        answers = [answer for message in messages for answer in worker.handle(1, message)]
        ((_, answer),) = filter(None, answers)
        return transcript(Heard(answer.payload.decode(), clear=answer.kind is Kind.RESULT))

    return decode


def in_a_room(pcm: bytes) -> bytes:
    """PCM with 0.2 s of quiet on each side, as the VAD cuts it, and a microphone's noise."""
    samples = np.frombuffer(bytes(6400) + pcm + bytes(6400), dtype=np.int16).astype(np.float64)
    samples += np.random.default_rng(0).normal(0, 20, len(samples))
    return samples.clip(-32768, 32767).astype(np.int16).tobytes()


@pytest.fixture(scope="session")
def say() -> Callable[[str], bytes]:
    """A sentence as PCM, by a voice that isn't the assistant's own."""
    return lambda text: in_a_room(Flite("cmu_us_slt").speak(text))
