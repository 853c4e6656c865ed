"""What a microphone would give, for what is heard in the media process."""

from __future__ import annotations

import numpy as np

from gateway.speech.flite import Flite

_NOISE = np.random.default_rng(7).normal(0, 20, 16_000 * 60)


def spoken(
    text: str, voice: str = "cmu_us_rms", *, before: float = 1.0, after: float = 0.5, level: float = 1.0
) -> bytes:
    """A sentence in a room that is nearly quiet (-64 dBFS), 16 kHz mono 16 bit, in whole frames."""
    said = np.frombuffer(Flite(voice).speak(text), "<i2").astype(float) * level
    rest = round(after * 16_000) + -said.size % 320
    pcm = np.concatenate([np.zeros(round(before * 16_000)), said, np.zeros(rest)])
    return (pcm + _NOISE[: pcm.size]).clip(-32768, 32767).astype("<i2").tobytes()


def room(seconds: float) -> bytes:
    """The same room, and nobody speaks."""
    return _NOISE[: round(seconds * 16_000)].astype("<i2").tobytes()


def frames(pcm: bytes) -> list[bytes]:
    """20 ms at a time."""
    return [pcm[at : at + 640] for at in range(0, len(pcm) - 639, 640)]
