"""What the client says, and what is read off what comes back. Pure, but for flite's voice."""

from __future__ import annotations

import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

RATE: Final = 16_000
FRAME: Final = 320  # samples: 20 ms
_CHIRP_SECONDS: Final = 0.06
_CHIRP_EVERY: Final = 0.6137  # no multiple of 20 ms, so that all phases against the packets are met
LONGEST_ECHO: Final = 0.55
"""Seconds after which a chirp counts as lost."""
_RECOGNISED: Final = 0.5  # normalised correlation: less is no echo of a chirp

Signal = npt.NDArray[np.float64]


def chirp() -> Signal:
    """60 ms from 300 to 1500 Hz: survives Opus at 24 kbit/s and correlates to within 1 ms."""
    time = np.arange(int(_CHIRP_SECONDS * RATE)) / RATE
    phase = 2 * np.pi * (300 * time + 1200 * time**2 / (2 * _CHIRP_SECONDS))
    return 12_000 * np.hanning(time.size) * np.sin(phase)


def chirps(seconds: float) -> tuple[bytes, list[float]]:
    """PCM with a chirp every 0.6 s, and when each starts, in seconds."""
    pcm = np.zeros(int(seconds * RATE) // FRAME * FRAME)
    starts: list[float] = []
    sound = chirp()
    for start in np.arange(0.5, seconds - 1.0, _CHIRP_EVERY):
        at = round(start * RATE)
        pcm[at : at + sound.size] = sound
        starts.append(at / RATE)
    return pcm.astype("<i2").tobytes(), starts


def noise(seconds: float) -> bytes:
    """PCM of a silent room: its noise, at -60 dBFS."""
    samples = np.random.default_rng(5).normal(0.0, 32_768 / 1000, int(seconds * RATE) // FRAME * FRAME)
    return samples.astype("<i2").tobytes()


@dataclass(frozen=True, slots=True)
class Heard:
    """Audio as it reached the ear: samples in media order, and when each came, on the client's clock."""

    pcm: Signal
    when: Signal


def echo_delays(heard: Heard, said_at: list[float]) -> list[float]:
    """Mouth to ear of each chirp said at these times (client's clock); NaN for one that didn't come back."""
    template = chirp()
    return [_echo_delay(heard, template, when) for when in said_at]


def _echo_delay(heard: Heard, template: Signal, said_at: float) -> float:
    window = np.flatnonzero((heard.when >= said_at) & (heard.when < said_at + LONGEST_ECHO))
    if window.size < template.size:
        return float("nan")
    first, last = int(window[0]), int(window[-1]) + 1
    sound = heard.pcm[first:last]
    dot = np.correlate(sound, template, "valid")
    energy = np.convolve(sound**2, np.ones(template.size), "valid")
    likeness = dot / np.sqrt(np.maximum(energy, 1e6) * np.sum(template**2))
    best = int(np.argmax(likeness))
    return float(heard.when[first + best] - said_at) if likeness[best] > _RECOGNISED else float("nan")


SENTENCES: Final = (
    "please set a timer for ten minutes and turn the volume up",
    "what is the time in the kitchen and what is nineteen plus twenty three",
    "the quick brown fox jumps over the lazy dog near the river bank",
    "can you tell me what day it is tomorrow and repeat what you heard",
    "the weather will be cold and windy in the morning with some rain",
    "he opened the window and looked out over the garden and the old trees",
    "we have to leave the house before seven to catch the early train",
    "my brother bought a new car last year and drives it to work",
    "she put the letter on the table and walked slowly down the street",
    "they want to build a school and a small hospital in the village",
)
VOICES: Final = ("slt", "rms")


def speak(text: str, voice: str) -> bytes:
    """A sentence by flite, 16 kHz mono."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
        with wave.open(str(path)) as file:
            return bytes(file.readframes(file.getnframes()))


def write_wav(path: Path | str, pcm: bytes) -> None:
    """PCM of 16 kHz mono as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)


@dataclass(frozen=True, slots=True)
class Reading:
    """Sentences read one after another: PCM, and the samples where each begins and ends."""

    pcm: bytes
    texts: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]


def reading(pause: float = 0.4) -> Reading:
    """All sentences by all voices, with pauses between."""
    gap = bytes(2 * int(pause * RATE))
    pcm, texts, spans = gap, [], []
    for voice in VOICES:
        for text in SENTENCES:
            start = len(pcm) // 2
            pcm += speak(text, voice)
            spans.append((start, len(pcm) // 2))
            texts.append(text)
            pcm += gap
    return Reading(pcm + bytes(-len(pcm) % (2 * FRAME)), tuple(texts), tuple(spans))


def lag(said: Signal, heard: Signal) -> int:
    """By how many samples, up to 2 s, what was heard lags: where the loudness of the two agrees best."""
    step = RATE // 200
    loud_said, loud_heard = (_loudness(signal, step) for signal in (said, heard))
    agreement = [_overlap(loud_said, loud_heard[shift:]) for shift in range(400)]
    return int(np.argmax(agreement)) * step


def _loudness(signal: Signal, step: int) -> Signal:
    whole = signal[: signal.size // step * step].reshape(-1, step)
    loudness: Signal = np.log10(np.mean(whole**2, axis=1) + 1e4)
    return loudness


def _overlap(one: Signal, other: Signal) -> float:
    size = min(one.size, other.size)
    return float(np.corrcoef(one[:size], other[:size])[0, 1]) if size > 2 else 0.0


def losses(count: int, rate: float, burst: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which packets are lost: two states (Gilbert), a mean burst of `burst` packets, `rate` in all.

    Drawn anew from consecutive seeds until the trace loses `rate` to within a tenth, so that one trace stands
    for the condition.
    """
    if rate == 0:
        return np.zeros(count, dtype=bool)
    while True:
        lost = _gilbert(count, rate, burst, np.random.default_rng(seed))
        if abs(lost.mean() - rate) <= rate / 10:
            return lost
        seed += 1


def _gilbert(count: int, rate: float, burst: float, chance: np.random.Generator) -> npt.NDArray[np.bool_]:
    recover = 1 / burst if burst > 1 else 1 - rate
    fail = recover * rate / (1 - rate) if burst > 1 else rate
    lost, bad = np.zeros(count, dtype=bool), False
    for index in range(count):
        bad = chance.random() >= recover if bad else chance.random() < fail
        lost[index] = bad
    return lost


def word_errors(said: str, heard: str) -> int:
    """Words to insert, delete or replace (Levenshtein)."""
    reference, hypothesis = said.split(), heard.split()
    row = list(range(len(hypothesis) + 1))
    for index, word in enumerate(reference, 1):
        diagonal, row[0] = row[0], index
        for column, other in enumerate(hypothesis, 1):
            diagonal, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, diagonal + (word != other)),
            )
    return row[-1]
