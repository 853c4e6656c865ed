"""Questions that are asked again and again, and whether they are answered."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bench.device import PERIOD, Arrival
from bench.signals import FRAME, RATE, VOICES, noise, speak, write_wav

_QUESTIONS: Final = (
    "what time is it",
    "what's twelve times seven",
    "how loud are you",
    "thirty minus thirteen",
)
"""With short answers."""
ANSWERED_SECONDS: Final = 5.0
"""Within which an answer has begun: who asked has turned away else."""
_SOUND_BYTES: Final = 30  # of silence either side's encoder makes less


@dataclass(frozen=True, slots=True)
class Asking:
    """A file to be said over and over, and the packets of it with which a question ends."""

    path: Path
    ends: tuple[int, ...]


def asking(path: Path, *, every: float = 0.0, share: float = 1.0) -> Asking:
    """Write questions in a silent room, `every` so many seconds, or so that they are this share of the time."""
    pcm, ends = b"", []
    for number, question in enumerate(_QUESTIONS):
        said = speak(question, VOICES[number % len(VOICES)])
        seconds = max(every, len(said) / 2 / RATE / share)
        room = np.frombuffer(noise(seconds), "<i2").copy()
        room[: len(said) // 2] += np.frombuffer(said, "<i2")
        ends.append((len(pcm) + len(said)) // (2 * FRAME))
        pcm += room.tobytes()
    write_wav(path, pcm)
    return Asking(path, tuple(ends))


def asked_at(  # noqa: PLR0913, PLR0917 -- a loop, where in it one began, and when one looks
    ends: Sequence[int], packets: int, offset: int, since: float, begin: float, end: float
) -> list[float]:
    """When questions ended between two times, of who says so many packets over and over from the `offset`th on."""
    found = []
    for at in ends:
        first = since + PERIOD * ((at - offset) % packets + 1)
        rounds = max(0, int(np.ceil((begin - first) / (PERIOD * packets))))
        found += [float(t) for t in np.arange(first + rounds * PERIOD * packets, end, PERIOD * packets)]
    return sorted(found)


def is_sound(arrival: Arrival) -> bool:
    """Whether a packet holds more than silence."""
    return len(arrival.payload) > _SOUND_BYTES


def answered(asked: Sequence[float], arrivals: Sequence[Arrival]) -> list[bool]:
    """Whether sound came after each question, soon enough."""
    sounds = [arrival.when for arrival in arrivals if is_sound(arrival)]
    nexts = [bisect.bisect_left(sounds, when) for when in asked]
    return [
        index < len(sounds) and sounds[index] <= when + ANSWERED_SECONDS
        for when, index in zip(asked, nexts, strict=True)
    ]
