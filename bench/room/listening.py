"""A device's ear, turn taking, recogniser and understanding, fed with sound as fast as it can take it.

The parts are the assistant's own, with its own settings, and so is the order in which they work; only time is counted
in samples instead of by the clock.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADState

from bench.room.rooms import Samples, pcm
from gateway.bots import assistant
from gateway.environment import without_telemetry
from gateway.sections import Hearing
from gateway.speech import moonshine, moonshine_worker, sphinx_worker
from gateway.speech.framing import Kind, Message
from gateway.speech.gain import Gain
from gateway.speech.language_model import language_model
from gateway.speech.meaning.intents import Intent, Recogniser
from gateway.speech.meaning.sentences import load_book
from gateway.speech.meaning.understanding import Understanding
from gateway.speech.pauses import PauseFrame, Pauses
from gateway.speech.recognition import BEFORE_SPEECH, transcript
from gateway.speech.serving import Engine
from gateway.speech.sphinx_stream import Heard

_FRAME: Final = 640
_JUDGED: Final = 8 * 16_000
_HEARING: Final = Hearing()


@dataclass(slots=True)
class Costs:
    """Seconds of this process's CPU, and how many times."""

    hearing: float = 0.0
    utterances: int = 0


@dataclass(slots=True)
class Listening:
    """One recogniser, for many conversations.

    Args:
        engine: as the recogniser's process has it.
    """

    engine: Engine
    recogniser: Recogniser = field(default_factory=lambda: Recogniser(load_book()))
    costs: Costs = field(default_factory=Costs)
    _streams: int = 0

    def conversation(self) -> Conversation:
        """With somebody new."""
        self._streams += 1
        return Conversation(self, self._streams)

    def hear(self, stream: int, said: Sequence[tuple[Kind, bytes]]) -> str:
        """A stretch of speech, with its pauses, as text."""
        began = time.process_time()
        told = [(Kind.START, b""), *said, (Kind.END, b"")]
        messages = [Message(kind, stream, 1, payload) for kind, payload in told]
        answers = [answer for message in messages for answer in self.engine.handle(1, message)]
        ((_, answer),) = filter(None, answers)
        self.costs.hearing += time.process_time() - began
        self.costs.utterances += 1
        return transcript(Heard(answer.payload.decode(), clear=answer.kind is Kind.RESULT))


class Conversation:
    """What somebody says, one thing after the other, and what it is taken for."""

    def __init__(self, listening: Listening, stream: int) -> None:
        self._listening, self._stream = listening, stream
        self._vad = _ear()
        self.understanding = Understanding(listening.recogniser)
        self._now = 0.0
        self.heard: list[str] = []

    def hear(self, sound: Samples) -> list[list[Intent]]:
        """What each turn in it asks for; `heard` are the turns' words."""
        self.heard = [text for text in self._turns(pcm(sound)) if text]
        self._now += sound.size / 16_000
        return [self.understanding.intents(text, self._now) for text in self.heard]

    def _turns(self, sound: bytes) -> list[str]:
        turns: list[str] = []
        words: list[str] = []
        speech: list[tuple[Kind, bytes]] = []
        before, turn, paused, pauses = bytearray(), bytearray(), b"", Pauses()
        speaking, quiet = False, 0.0
        for at in range(0, len(sound) - _FRAME + 1, _FRAME):
            frame = sound[at : at + _FRAME]
            state = self._vad._run_analyzer(frame)  # noqa: SLF001 -- what Pipecat runs in a thread
            turn += frame
            if speaking:
                speech.append((Kind.AUDIO, frame))
            else:
                before = (before + frame)[-BEFORE_SPEECH:]
                quiet += 0.02
            if state is VADState.SPEAKING and not speaking:
                if words and (quiet >= _HEARING.pause_s or _finished(paused)):
                    turns.append(" ".join(filter(None, words)))
                    words.clear()
                speaking, speech = True, [(Kind.AUDIO, bytes(before))]
                turn = turn[-len(before) :] if not words else turn
            elif state is VADState.QUIET and speaking:
                speaking, before, quiet = False, bytearray(), 0.0
                words.append(self._listening.hear(self._stream, speech))
                paused = bytes(turn)
            for told in pauses.step(self._vad.silent_s, in_speech=self._vad.in_speech):
                speech.append((Kind.PAUSE if isinstance(told, PauseFrame) else Kind.ON, b""))
        return [*turns, *([" ".join(filter(None, words))] if words else [])]


def _finished(said: bytes) -> bool:
    """Whether a turn ended there; only asked where somebody speaks again, since else it did anyway."""
    samples = np.frombuffer(said, "<i2")[-_JUDGED:].astype(np.float32) / 32_768
    return bool(_judge().judge(samples)["prediction"])


def _ear() -> Any:
    """What finds speech, as it is when a call begins; its model is opened once."""
    ear: Any = copy(_opened())
    ear._gain = Gain(_HEARING.gain_db, ear.num_frames_required() / 16_000)  # noqa: SLF001
    ear._model.reset_states()  # noqa: SLF001
    return ear


@cache
def _opened() -> Any:
    ear: Any = assistant.voice_activity(_HEARING)
    ear.set_sample_rate(16_000)
    return ear


@cache
def _judge() -> Any:
    return assistant.end_of_turn(_HEARING)


def sphinx() -> Engine:
    """Sphinx alone, with the model of our sentences."""
    model = language_model(load_book(), Path(tempfile.gettempdir()) / "voicegw-bench")
    return sphinx_worker.recogniser(str(model.arpa), str(model.dictionary), str(model.acoustic))


def both() -> Engine:
    """The recogniser that ships: Moonshine beside it."""
    files = moonshine.folder()
    if files is None:
        raise SystemExit("no model: its package, moonshine-voice, is for Linux alone; --engine sphinx")
    return moonshine_worker.Both(sphinx(), moonshine.Moonshine(files).hear, moonshine_worker.meaning(None))


ENGINES: Final[dict[str, Callable[[], Engine]]] = {"sphinx": sphinx, "both": both}
without_telemetry()
