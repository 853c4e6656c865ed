"""Rooms, noise and distance, made with numpy alone: the same in every run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
Samples = NDArray[np.float64]
"""Of full scale: 1 is the loudest."""

_SPEED: Final = 343.0  # of sound, m/s
_SPEECH_DB: Final = 40.0
"""Below the loudest 20 ms of it, which is silence and doesn't count for the level of speech."""


def samples(pcm: bytes) -> Samples:
    """16-bit PCM as samples."""
    return np.frombuffer(pcm, "<i2").astype(np.float64) / 32_768


def pcm(of: Samples) -> bytes:
    """Samples as 16-bit PCM; what is louder than full scale is clipped."""
    return np.clip(np.round(of * 32_768), -32_768, 32_767).astype("<i2").tobytes()


def level(of: Samples) -> float:
    """Of the speech in it, in dB of full scale: the mean power of what is not silence."""
    frames = of[: of.size // 320 * 320].reshape(-1, 320)
    power = np.mean(frames**2, axis=1)
    loud = power[power > power.max(initial=0) / 10 ** (_SPEECH_DB / 10)]
    return 10 * math.log10(float(loud.mean())) if loud.size else -math.inf


def at_level(of: Samples, db: float) -> Samples:
    """Made so loud."""
    return of * 10 ** ((db - level(of)) / 20) if of.any() else of


def response(
    size: Sequence[float], decay_s: float, source: Sequence[float], microphone: Sequence[float]
) -> Samples:
    """The impulse response of a box-shaped room, by its image sources (Allen and Berkley, 1979), direct sound first.

    Args:
        size: of the room, in metres.
        decay_s: until its sound has fallen by 60 dB; the walls are as absorbing as that asks for (Sabine).
        source: where it sounds.
        microphone: where it is heard.
    """
    width, depth, height = size
    area = 2 * (width * depth + width * height + depth * height)
    reflection = math.sqrt(max(0.05, 1 - 0.161 * width * depth * height / (decay_s * area)))
    most = int(decay_s * _SPEED / min(size)) + 1
    out = np.zeros(int(decay_s * RATE))
    n = np.arange(-most, most + 1)
    axes = []
    for at, heard, length in zip(source, microphone, size, strict=True):
        straight, mirrored = 2 * n * length + at - heard, 2 * n * length - at - heard
        axes.append(
            (np.concatenate([straight, mirrored]), np.concatenate([np.abs(2 * n), np.abs(2 * n - 1)]))
        )
    (x, a), (y, b), (z, c) = axes
    for dz, bounces in zip(z, c, strict=True):
        distance = np.sqrt(x[:, None] ** 2 + y[None, :] ** 2 + dz**2)
        delay = distance / _SPEED * RATE
        gain = reflection ** (a[:, None] + b[None, :] + bounces) / np.maximum(distance, 0.1)
        whole = delay.astype(int)
        there = whole < out.size
        np.add.at(out, whole[there], gain[there])
    first = int(np.argmax(np.abs(out) > 0))
    return np.asarray(out[first:] / np.abs(out[first]))


def reverberant(of: Samples, impulse: Samples) -> Samples:
    """As it sounds there."""
    size = 1 << int(of.size + impulse.size).bit_length()
    whole = np.fft.irfft(np.fft.rfft(of, size) * np.fft.rfft(impulse, size), size)
    return np.asarray(whole[: of.size + impulse.size // 2])


def kitchen(seconds: float, seed: int, voices: Sequence[Samples]) -> Samples:
    """A hood that hums, water, dishes, and people who talk in the next room."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    at = np.arange(count) / RATE
    spectrum = np.fft.rfft(rng.normal(size=count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20)
    air = np.fft.irfft(spectrum / np.sqrt(hertz), count)
    hum = sum(
        (np.sin(2 * np.pi * 50 * k * at + rng.uniform(0, 6)) / k for k in (1, 2, 3, 5, 8)), np.zeros(count)
    )
    out = air / air.std() + 0.3 * hum / hum.std()
    out += _dishes(rng, count)
    for voice in voices:
        start = int(rng.integers(0, max(1, voice.size)))
        out += 0.5 * np.resize(np.roll(voice, start), count) / max(voice.std(), 1e-6)
    return np.asarray(out / out.std())


def _dishes(rng: np.random.Generator, count: int) -> Samples:
    """Short rings at random moments, two a second."""
    out = np.zeros(count)
    for _ in range(count * 2 // RATE):
        start, length = int(rng.integers(0, count)), int(rng.integers(800, 4_000))
        ring = np.arange(min(length, count - start)) / RATE
        tones = sum((np.sin(2 * np.pi * f * ring) for f in rng.uniform(1_500, 6_000, 3)), np.zeros(ring.size))
        out[start : start + ring.size] += rng.uniform(0.5, 3) * tones * np.exp(-ring * rng.uniform(15, 60))
    return out


def padded(
    of: Samples, before: float = 1.0, after: float = 2.0, floor_db: float = -70.0, seed: int = 3
) -> Samples:
    """With the quiet of a room before and after it, and its noise under all of it."""
    whole = np.concatenate([np.zeros(int(before * RATE)), of, np.zeros(int(after * RATE))])
    whole = np.concatenate([whole, np.zeros(-whole.size % 320)])
    return np.asarray(whole + np.random.default_rng(seed).normal(0, 10 ** (floor_db / 20), whole.size))


Place = Callable[[Samples], Samples]
"""What becomes of speech on its way to the microphone."""


def places(voices: Sequence[Samples]) -> dict[str, Place]:
    """The conditions: clean, 20 dB above a kitchen, in a reverberant room, far away."""
    hall = response((6.0, 4.5, 2.6), 0.6, (1.2, 1.0, 1.6), (4.4, 3.2, 1.0))

    def clean(of: Samples) -> Samples:
        return padded(at_level(of, -26))

    def noise20(of: Samples) -> Samples:
        quiet = padded(at_level(of, -26))
        noise = kitchen(quiet.size / RATE, of.size, voices)
        return quiet + noise * 10 ** ((-26 - 20) / 20)

    def room(of: Samples) -> Samples:
        return padded(at_level(reverberant(of, hall), -30))

    def far(of: Samples) -> Samples:
        return padded(at_level(of, -53), floor_db=-75)

    return {"clean": clean, "noise20": noise20, "room": room, "far": far}
