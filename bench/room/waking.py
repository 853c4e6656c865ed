"""Wake words: how often they are heard, and how often they are heard though nobody said them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.room.phrases import asked, others
from bench.room.rooms import RATE, Place, Samples, at_level, kitchen, padded, pcm, places
from bench.room.voices import Speak
from gateway.media.gate import Gate
from gateway.media.words import Spotter, find

WORDS: Final = ("okay nabu", "hey jarvis", "alexa")
_SPELT: Final = {"okay nabu": "okay naboo"}
"""As a synthesiser says it the way people do."""
_BEFORE: Final = 6.0
"""Seconds of the room before the word: a device has slept for a while."""
_FRAME: Final = 640
_OFF_TOPIC: Final = Path(__file__).parents[2] / "tests" / "data" / "speech" / "off_topic.txt"


def hits(voices: Sequence[tuple[str, Speak]]) -> tuple[list[bool], dict[str, Any]]:
    """Which are heard, and the share by word, voice and place; each voice says each word in each place."""
    noisy = {**places([]), "kitchen10": _kitchen10, "quiet45": _quiet45}
    heard: dict[str, list[bool]] = {}
    for word, (name, speak), place in itertools.product(WORDS, voices, noisy):
        said = speak(_SPELT.get(word, word))
        sound = noisy[place](np.concatenate([np.zeros(int(_BEFORE * RATE)), said]))
        with Spotter([find(word)]) as spotter:
            hit = word in _found(spotter, Gate(), sound)
        for key in (word, name, place):
            heard.setdefault(key, []).append(hit)
    found = [hit for word in WORDS for hit in heard[word]]
    return found, {key: round(sum(hits) / len(hits), 3) for key, hits in heard.items()}


def _found(spotter: Spotter, gate: Gate, sound: Samples) -> list[str]:
    """As a device that sleeps finds them (`gateway.media.ear`)."""
    said = pcm(sound)
    frames = (said[start : start + _FRAME] for start in range(0, len(said) - _FRAME + 1, _FRAME))
    return [word for frame in frames for let in gate.take(frame) for word in spotter.heard(let)]


def _near(of: Samples) -> Samples:
    return padded(at_level(of, -26 - 3 * (of.size % 4)), 0.2, 0.3)


def _kitchen10(of: Samples) -> Samples:
    quiet = padded(at_level(of, -26))
    return quiet + kitchen(quiet.size / RATE, 5, []) * 10 ** ((-26 - 10) / 20)


def _quiet45(of: Samples) -> Samples:
    return padded(at_level(of, -45))


def false(voices: Sequence[tuple[str, Speak]], seconds: float) -> tuple[dict[str, int], float]:
    """How often each word is heard in other talk; in how many hours of it."""
    counts = dict.fromkeys(WORDS, 0)
    spent = 0.0
    gate = Gate()
    with Spotter([find(word) for word in WORDS]) as spotter:
        for sound in _talk(voices):
            for word in _found(spotter, gate, sound):
                counts[word] += 1
            spent += sound.size / RATE
            if spent >= seconds:
                break
    return counts, spent / 3_600


def _talk(voices: Sequence[tuple[str, Speak]]) -> Iterator[Samples]:
    """Everything that is said here, by each voice in turn, in each place."""
    for place in (_near, *(place for name, place in places([]).items() if name != "clean")):
        yield from _lines(voices, place)


def _lines(voices: Sequence[tuple[str, Speak]], place: Place) -> Iterator[Samples]:
    lines = [*others(), *_OFF_TOPIC.read_text("utf-8").splitlines()]
    lines += [sentence for phrase in asked() for sentence in phrase.sentences]
    for round_ in range(len(voices)):
        for number, line in enumerate(lines):
            _, speak = voices[(number + round_) % len(voices)]
            yield place(speak(line))
