"""What is said, and what should come of it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.speech.meaning.intents import Intent
from gateway.speech.meaning.reply import (
    CancelTimers,
    Context,
    KeepResult,
    Reply,
    SetVolume,
    StartTimer,
    Timer,
)
from gateway.speech.meaning.skills import answer

_FOLDER: Final = Path(__file__).parent
_VOLUME: Final = 40
_RUNNING: Final = Timer(number=1, label="tea", seconds=600, left=400.0)
_STEPS: Final = {"VolumeUp": "up", "VolumeDown": "down"}


@dataclass(frozen=True, slots=True)
class Phrase:
    """The sentences of one conversation, and what has to come of the last: any one of `wanted`."""

    wanted: frozenset[str]
    sentences: tuple[str, ...]


def asked() -> list[Phrase]:
    """What is for it."""
    return [_phrase(line) for line in _lines("asked.txt")]


def others() -> list[str]:
    """What is not."""
    return _lines("others.txt")


def _lines(name: str) -> list[str]:
    lines = (_FOLDER / name).read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _phrase(line: str) -> Phrase:
    wanted, _, said = line.partition("  ")
    return Phrase(frozenset(wanted.split("|")), tuple(part.strip() for part in said.split(" / ")))


def outcome(intents: Iterable[Intent]) -> str:
    """What comes of these: each thing that is done by name and number, of the rest the intent's name."""
    return "+".join(_outcome(intent) for intent in intents)


def changes(intents: Iterable[Intent]) -> bool:
    """Whether these set, stop or change anything."""
    return any(not isinstance(action, KeepResult) for i in intents for action in _reply(i).actions)


def _reply(intent: Intent) -> Reply:
    return answer(
        intent,
        Context(
            now=datetime(2026, 5, 4, 15, 20, tzinfo=UTC),
            rng=random.Random(1),  # noqa: S311 -- dice
            volume=_VOLUME,
            timers=(_RUNNING,),
            result=None,
        ),
    )


def _outcome(intent: Intent) -> str:
    if intent.name in _STEPS:
        return _STEPS[intent.name]
    for action in reversed(_reply(intent).actions):
        match action:
            case StartTimer():
                return f"timer {action.seconds}"
            case CancelTimers():
                return "cancel"
            case SetVolume(percent):
                return "Unmute" if intent.name == "Unmute" else f"volume {percent}"
            case KeepResult(value):
                return f"result {value}"
    return intent.name
