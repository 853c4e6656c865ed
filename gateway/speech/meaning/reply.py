"""What a skill is given and what it gives: the state of a call, a reply, the actions that go with it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class SetVolume:
    """Make the device this loud, 0 to 100 percent."""

    percent: int


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Ring in so many seconds. `label` is how to speak of it: "five minute", "pasta".

    `at` is the time of day that was asked for, as ISO 8601 has it, in the zone that the time is told in.
    """

    seconds: int
    label: str
    reminder: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class CancelTimers:
    """Cancel the timers with these numbers."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StopRinging:
    """Stop what rings, and what is announced."""


@dataclass(frozen=True, slots=True)
class KeepResult:
    """Remember what a sum came to, for the next one to go on from."""

    value: Fraction


Action = SetVolume | StartTimer | CancelTimers | StopRinging | KeepResult


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that runs: `left` seconds of `seconds` remain. Or it `rings`, or has just been stopped."""

    number: int
    label: str
    seconds: int
    left: float
    reminder: str = ""
    rings: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """The state of the call that answers depend on. Volumes in percent; `before_mute` is to restore."""

    now: datetime
    rng: random.Random
    volume: int = 70
    before_mute: int = 70
    timers: tuple[Timer, ...] = ()
    last_heard: str = ""
    last_said: str = ""
    result: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, maybe nothing, and what to do."""

    text: str
    actions: tuple[Action, ...] = ()
