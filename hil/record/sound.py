"""What a recording tells: level, tone, gaps, clicks, alignment, words. 16 kHz mono throughout."""

from __future__ import annotations

import functools
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

RATE: Final = 16_000
Signal = npt.NDArray[np.float64]
_SILENT: Final = 10 ** (-60 / 20)  # of full scale
_STEP: Final = 80  # samples of an envelope: 5 ms


def read(path: Path) -> Signal:
    """Samples between -1 and 1; a file that is still being written is read as far as it goes."""
    with wave.open(str(path)) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            raise ValueError(f"{path} is not 16-bit mono at {RATE} Hz")
        raw = file.readframes(file.getnframes())
    return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2").astype(np.float64) / 32768


def level_db(signal: Signal) -> float:
    """RMS, dB of full scale; -120 for silence."""
    power = float(np.mean(signal**2)) if signal.size else 0.0
    return 10 * float(np.log10(max(power, 1e-12)))


@dataclass(frozen=True, slots=True)
class Tone:
    """The strongest tone, and its share of the power."""

    hz: float
    share: float


def tone(signal: Signal) -> Tone:
    """By the peak of the spectrum, interpolated; a share near 1 is a tone and nothing else."""
    if signal.size < 512 or level_db(signal) < -70:
        return Tone(0.0, 0.0)
    power = np.abs(np.fft.rfft(signal * np.hanning(signal.size))) ** 2
    power[:3] = 0
    peak = int(np.argmax(power))
    around = slice(max(peak - 4, 0), peak + 5)
    left, here, right = np.log(np.maximum(power[[peak - 1, peak, min(peak + 1, power.size - 1)]], 1e-30))
    bend = left - 2 * here + right
    shift = 0.5 * (left - right) / bend if bend else 0.0
    return Tone((peak + float(shift)) * RATE / signal.size, float(power[around].sum() / power.sum()))


@dataclass(frozen=True, slots=True)
class Gaps:
    """Silences within sound."""

    count: int
    longest_ms: float


def gaps(signal: Signal, least_ms: float = 10.0) -> Gaps:
    """Silences of that length and more, with sound before and after."""
    loud = np.flatnonzero(np.abs(signal) > _SILENT)
    holes = (np.diff(loud) - 1) * 1000 / RATE if loud.size > 1 else np.zeros(0)
    found = holes[holes >= least_ms]
    return Gaps(int(found.size), float(found.max()) if found.size else 0.0)


def clicks(signal: Signal) -> int:
    """Steps in the waveform: places where it bends ten times as much as it mostly does."""
    bend = np.abs(np.diff(signal, 2))
    if bend.size == 0:
        return 0
    usual = float(np.quantile(bend[bend > 0], 0.95)) if np.any(bend > 0) else 1.0
    places = np.flatnonzero(bend > max(10 * usual, 0.02))
    return int(np.count_nonzero(np.diff(places, prepend=-RATE) > RATE // 100))


def envelope(signal: Signal) -> Signal:
    """Loudness every 5 ms."""
    whole = signal[: signal.size // _STEP * _STEP].reshape(-1, _STEP)
    loudness: Signal = np.sqrt(np.mean(whole**2, axis=1))
    return loudness


def loud_part(signal: Signal) -> Signal:
    """From the first to the last 5 ms that are within 20 dB of the loudest."""
    steps = envelope(signal)
    loud = np.flatnonzero(steps > steps.max(initial=0.0) / 10)
    return signal[loud[0] * _STEP : (loud[-1] + 1) * _STEP] if loud.size else signal[:0]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where what was sent is best found in what was heard: seconds later, and how alike (-1 to 1)."""

    lag: float
    likeness: float


def align(sent: Signal, heard: Signal, longest: float = 2.0) -> Alignment:
    """By the correlation of the two envelopes; finds lags up to `longest` seconds."""
    one, other = envelope(sent), envelope(heard)
    steps = min(int(longest * RATE / _STEP), other.size)
    likeness = [_likeness(one, other[lag:]) for lag in range(steps)]
    if not likeness:
        return Alignment(0.0, 0.0)
    best = int(np.argmax(likeness))
    return Alignment(best * _STEP / RATE, likeness[best])


def _likeness(one: Signal, other: Signal) -> float:
    size = min(one.size, other.size)
    if size < 8 or not np.std(one[:size]) or not np.std(other[:size]):
        return 0.0
    return float(np.corrcoef(one[:size], other[:size])[0, 1])


def words(signal: Signal) -> list[str]:
    """What a recogniser hears in it: pocketsphinx with its own English model."""
    decoder = _decoder()
    decoder.start_utt()
    decoder.process_raw((signal * 32767).clip(-32768, 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return str(found.hypstr).split() if found else []


@functools.cache
def _decoder() -> Any:
    from pocketsphinx import Config, Decoder  # noqa: PLC0415 -- loads a model, and few runs need it

    return Decoder(Config(loglevel="FATAL"))


def word_errors(reference: list[str], heard: list[str]) -> float:
    """Words to insert, delete or replace (Levenshtein), as a fraction of the reference."""
    row = list(range(len(heard) + 1))
    for index, word in enumerate(reference, 1):
        diagonal, row[0] = row[0], index
        for column, other in enumerate(heard, 1):
            diagonal, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, diagonal + (word != other)),
            )
    return row[-1] / max(len(reference), 1)
