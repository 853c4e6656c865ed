"""How well the built-in speech chain hears: our trigram model beside pocketsphinx's own, in one run.

python -m bench.speech [--voices cmu_us_rms,cmu_us_awb] [--wavs DIR], where DIR has the voices of another
synthesiser: in_domain/N.wav and off_topic/N.wav, 16 kHz mono, N the line of tests/data/speech/*.txt.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pocketsphinx import Decoder, get_model_path

from gateway.speech import sphinx_worker
from gateway.speech.flite import SAMPLE_RATE, VOICES, Flite
from gateway.speech.framing import Kind, Message
from gateway.speech.language_model import language_model
from gateway.speech.meaning.intents import Recogniser
from gateway.speech.meaning.sentences import load_book
from gateway.speech.recognition import transcript
from gateway.speech.sphinx_stream import Heard

_DATA = Path(__file__).parents[1] / "tests" / "data" / "speech"
_PAD = 6_400  # bytes of room tone on each side: the 0.2 s that the VAD waits
_ROOM_TONE = 20  # rms, of 32,767


@dataclass(slots=True)
class Score:
    """Counts over one set of sentences."""

    sentences: int = 0
    right: int = 0
    accepted: int = 0
    words: int = 0
    errors: int = 0
    audio: float = 0.0
    cpu: float = 0.0
    last_pass_ms: float = 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", default=",".join(VOICES))
    parser.add_argument("--wavs", type=Path)
    options = parser.parse_args()
    book = load_book()
    recogniser = Recogniser(book)
    with tempfile.TemporaryDirectory() as cache:
        model = language_model(book, Path(cache))
        ours = _worker(model.acoustic, str(model.arpa), str(model.dictionary))
    stock = _worker(model.acoustic, f"{get_model_path()}/en-us/en-us.lm.bin", None)
    for name, worker in (("trigram of our sentences", ours), ("pocketsphinx's en-us", stock)):
        for topic in ("in_domain", "off_topic"):
            for fresh in (True, False):
                score = Score()
                for text, pcm in _speech(topic, options.voices.split(","), options.wavs):
                    _judge(score, worker, recogniser, text, pcm)
                    if fresh:
                        list(worker.handle(1, Message(Kind.CLOSE, 1)))
                _print(f"{name}, {'first' if fresh else 'later'} utterance", topic, score)


def _worker(acoustic: Path, model: str, words: str | None) -> sphinx_worker.Recogniser:
    given = {"dict": words} if words else {}
    worker = sphinx_worker.Recogniser(lambda: Decoder(hmm=str(acoustic), lm=model, loglevel="FATAL", **given))
    worker.warm()
    return worker


def _speech(topic: str, voices: list[str], wavs: Path | None) -> Iterator[tuple[str, bytes]]:
    lines = (_DATA / f"{topic}.txt").read_text("utf-8").splitlines()
    if wavs is not None:
        for number, line in enumerate(lines, 1):
            with wave.open(str(wavs / topic / f"{number}.wav")) as file:
                yield line, file.readframes(file.getnframes())
        return
    for voice in voices:
        speak: Callable[[str], bytes] = Flite(voice).speak
        for line in lines:
            yield line, speak(line)


def _judge(
    score: Score, worker: sphinx_worker.Recogniser, recogniser: Recogniser, text: str, pcm: bytes
) -> None:
    audio = _in_a_room(pcm)
    started = time.process_time()
    list(worker.handle(1, Message(Kind.START, 1, 1)))
    for at in range(0, len(audio), 640):
        list(worker.handle(1, Message(Kind.AUDIO, 1, 1, audio[at : at + 640])))
    ended = time.perf_counter()
    ((_, answer),) = filter(None, worker.handle(1, Message(Kind.END, 1, 1)))
    score.last_pass_ms += (time.perf_counter() - ended) * 1000
    score.cpu += time.process_time() - started
    score.audio += len(audio) / 2 / SAMPLE_RATE
    heard = answer.payload.decode()
    intent = recogniser.recognise(transcript(Heard(heard, clear=answer.kind is Kind.RESULT)))
    score.sentences += 1
    score.accepted += intent is not None
    score.right += intent is not None and intent == recogniser.recognise(text)
    score.words += len(text.split())
    score.errors += edits(text.split(), heard.split())


def _in_a_room(pcm: bytes) -> bytes:
    samples = np.frombuffer(bytes(_PAD) + pcm + bytes(_PAD), dtype=np.int16).astype(np.float64)
    samples += np.random.default_rng(0).normal(0, _ROOM_TONE, len(samples))
    return bytes(samples.clip(-32768, 32767).astype(np.int16).tobytes())


def edits(wanted: list[str], got: list[str]) -> int:
    """The word edits from one to the other (Levenshtein)."""
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def _print(name: str, topic: str, score: Score) -> None:
    sys.stdout.write(
        f"{name:41} {topic:10} {score.sentences:4} sentences: "
        f"right {score.right:4}, accepted {score.accepted:4}, "
        f"WER {score.errors / score.words:6.1%}, RTF {score.cpu / score.audio:.3f}, "
        f"last pass {score.last_pass_ms / score.sentences:.0f} ms\n"
    )


if __name__ == "__main__":
    main()
