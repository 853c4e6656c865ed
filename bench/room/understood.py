"""What is understood of what is asked, and what is done that nobody asked for."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.room.listening import Listening
from bench.room.phrases import asked, changes, others, outcome
from bench.room.rooms import Place
from bench.room.voices import Speak, like_people
from gateway.speech.meaning.understanding import Understanding


@dataclass(slots=True)
class Score:
    """Counts; `missed` are those that were not understood, as they were heard."""

    right: int = 0
    of: int = 0
    missed: list[str] = field(default_factory=list)
    by: dict[str, list[bool]] = field(default_factory=dict)

    def note(self, wanted: bool, what: str, kind: str = "") -> None:
        """Count one, of some kind."""
        self.of += 1
        self.right += wanted
        self.by.setdefault(kind, []).append(wanted)
        if not wanted:
            self.missed.append(what)

    def add(self, other: Score) -> None:
        """Count those of another too."""
        self.right += other.right
        self.of += other.of
        self.missed += other.missed

    def shares(self) -> dict[str, float]:
        """By kind."""
        return {kind: round(sum(found) / len(found), 4) for kind, found in sorted(self.by.items())}

    @property
    def share(self) -> float | None:
        return round(self.right / self.of, 4) if self.of else None


def by_text(listening: Listening) -> Score:
    """What a perfect recogniser would have understood."""
    score = Score()
    for phrase in asked():
        understanding = Understanding(listening.recogniser)
        found = [understanding.intents(text, float(n)) for n, text in enumerate(phrase.sentences)][-1]
        score.note(outcome(found) in phrase.wanted, f"{'/'.join(phrase.sentences)}: {outcome(found)}")
    return score


def understood(
    listening: Listening, voices: Sequence[tuple[str, Speak]], place: Place, every: int = 1
) -> tuple[Score, Score]:
    """How many of the phrases are understood, each in one voice after the other; and how often nothing else is done."""
    right, wrong = Score(), Score()
    for (name, speak), phrase in zip(itertools.cycle(voices), asked()[::every], strict=False):
        conversation = listening.conversation()
        turns = [conversation.hear(place(speak(sentence))) for sentence in phrase.sentences][-1]
        got = "+".join(outcome(intents) for intents in turns if intents)
        what = f"{name}: {' / '.join(phrase.sentences)} -> {' | '.join(conversation.heard)!r}: {got}"
        right.note(got in phrase.wanted, what, "neural voices" if like_people(name) else "other voices")
        wrong.note(got in phrase.wanted or not any(map(changes, turns)), what)
    return right, wrong


def unasked(listening: Listening, voices: Sequence[tuple[str, Speak]], place: Place, every: int = 1) -> Score:
    """How often nothing is set, stopped or changed by what is not for it."""
    score = Score()
    for (name, speak), text in zip(itertools.cycle(voices), others()[::every], strict=False):
        conversation = listening.conversation()
        turns = conversation.hear(place(speak(text)))
        score.note(not any(map(changes, turns)), f"{name}: {text} -> {' | '.join(conversation.heard)!r}")
    return score
