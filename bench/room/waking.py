"""Wake words: how often they are heard, and how often they are heard though nobody said them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bench.room.phrases import asked, others
from bench.room.rooms import RATE, Place, Samples, at_level, kitchen, padded, pcm
from bench.room.voices import Speak
from gateway.media.words import Spotter, find

WORDS: Final = ("okay nabu", "hey jarvis", "alexa")
_SPELT: Final = {"okay nabu": "okay naboo"}
"""As a synthesiser says it the way people do."""
_OFF_TOPIC: Final = Path(__file__).parents[2] / "tests" / "data" / "speech" / "off_topic.txt"


def hits(voices: Sequence[tuple[str, Speak]], places: dict[str, Place]) -> tuple[float, dict[str, Any]]:
    """How often a word is heard, and by word and voice; each voice says each word in each place."""
    noisy = {**places, "kitchen10": _kitchen10, "quiet45": _quiet45}
    heard: dict[str, list[bool]] = {}
    for word, (name, speak), place in itertools.product(WORDS, voices, noisy):
        sound = noisy[place](speak(_SPELT.get(word, word)))
        with Spotter([find(word)]) as spotter:
            hit = word in spotter.heard(pcm(sound))
        for key in (word, name, place):
            heard.setdefault(key, []).append(hit)
    found = [hit for word in WORDS for hit in heard[word]]
    return sum(found) / len(found), {key: round(sum(hits) / len(hits), 3) for key, hits in heard.items()}


def _kitchen10(of: Samples) -> Samples:
    quiet = padded(at_level(of, -26))
    return quiet + kitchen(quiet.size / RATE, 5, []) * 10 ** ((-26 - 10) / 20)


def _quiet45(of: Samples) -> Samples:
    return padded(at_level(of, -45))


def false_per_hour(
    voices: Sequence[tuple[str, Speak]], seconds: float
) -> tuple[float, dict[str, int], float]:
    """How often an hour a word is heard in other talk: of the word heard most; counts by word; hours."""
    counts = dict.fromkeys(WORDS, 0)
    spent = 0.0
    with Spotter([find(word) for word in WORDS]) as spotter:
        for sound in _talk(voices):
            for word in spotter.heard(pcm(sound)):
                counts[word] += 1
            spent += sound.size / RATE
            if spent >= seconds:
                break
    return max(counts.values()) / (spent / 3_600), counts, spent / 3_600


def _talk(voices: Sequence[tuple[str, Speak]]) -> Iterator[Samples]:
    """Everything that is said here, by each voice in turn."""
    lines = [*others(), *_OFF_TOPIC.read_text("utf-8").splitlines()]
    lines += [sentence for phrase in asked() for sentence in phrase.sentences]
    for round_ in itertools.count():
        for number, line in enumerate(lines):
            _, speak = voices[(number + round_) % len(voices)]
            yield padded(at_level(speak(line), -26 - 3 * (number % 4)), 0.2, 0.3)
        if round_ >= len(voices) - 1:
            return
