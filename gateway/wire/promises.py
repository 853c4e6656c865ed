"""What a device was promised for later: timers, alarms, reminders, announcements; when each is due. Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST: Final = 50
"""For one device at once."""
MAX_SECONDS: Final = 366 * 86_400.0
MAX_SPOKEN: Final = 1_000
LATE_SECONDS: Final = 60.0
"""What is later than this was missed: the device says so, and does not ring any more."""
KEEP_SECONDS: Final = 86_400.0
"""How long what was missed, or could not be said yet, waits for its device."""

Kind = Literal["timer", "alarm", "reminder", "say"]
Sound = Literal["none", "chime", "ring"]


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: by the wall clock (Unix seconds), and since which boot of the machine for how long.

    A length of time is measured by `up`, which no one sets (CLOCK_BOOTTIME, clock_gettime(2)); a time of day by
    the wall clock, whatever has been done to it meanwhile.
    """

    wall: float
    boot: str
    up: float


class Wish(BaseModel):
    """What is asked for: in so many `seconds`, or `at` a time; a `say` may have neither, and is for now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = "timer"
    seconds: Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)] | None = None
    at: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Unix seconds."""
    label: Annotated[str, Field(max_length=100)] = ""
    """What a timer is called: "pasta"; what to be reminded of."""
    text: Annotated[str, Field(max_length=MAX_SPOKEN)] = ""
    """What is said when it is due; without it a sentence with the label."""
    sound: Sound | None = None
    """Before it; without it `ring`, until somebody stops it, and `chime` for a `say`."""
    volume: Annotated[int, Field(ge=1, le=100)] | None = None
    """The device is at least this loud meanwhile, though muted; without it 50 where it rings."""
    keep_s: Annotated[float, Field(ge=0, le=KEEP_SECONDS)] = KEEP_SECONDS
    """How long it waits for a device that is away."""

    @model_validator(mode="after")
    def _has_a_time(self) -> Self:
        if self.seconds is not None and self.at is not None:
            raise ValueError("it has `seconds` or `at`, not both")
        if self.kind != "say" and self.seconds is None and self.at is None:
            raise ValueError(f"a {self.kind} needs `seconds` or `at`")
        if self.kind == "say" and not self.text and self.sound in {None, "none"}:
            raise ValueError("there is nothing to say: give a `text`, or a `sound`")
        return self


@dataclass(frozen=True, slots=True)
class Promise:
    """One that is kept. `due_up` counts where `boot` is still the machine's, else `due` (Unix seconds) does."""

    number: int
    device: str
    wish: Wish
    made: float
    due: float
    boot: str
    due_up: float
    missed: bool = False

    @property
    def sound(self) -> Sound:
        return self.wish.sound or ("chime" if self.wish.kind == "say" else "ring")

    @property
    def volume(self) -> int:
        """0 leaves the device as it is."""
        return self.wish.volume or (50 if self.sound == "ring" else 0)

    def left(self, now: Moment) -> float:
        """Seconds until it is due; less than nothing once it was."""
        return self.due_up - now.up if self.boot and self.boot == now.boot else self.due - now.wall

    def spoken(self) -> str:
        """What is said when it is due."""
        name = self.wish.label
        if self.wish.text or self.wish.kind == "say":
            return self.wish.text
        if self.wish.kind == "reminder":
            return f"This is your reminder: {name}." if name else "This is your reminder."
        return f"Your {name} {self.wish.kind} is done." if name else f"Your {self.wish.kind} is done."

    def spoken_late(self, now: Moment) -> str:
        """What is said of it when it was missed."""
        return f"You missed this, {ago(-self.left(now))} ago: {self.spoken()}"

    def view(self, now: Moment) -> dict[str, object]:
        """For bots, the API and the page."""
        return {
            "number": self.number,
            "device": self.device,
            "kind": self.wish.kind,
            "label": self.wish.label,
            "text": self.spoken(),
            "seconds": self.wish.seconds,
            "left": round(self.left(now), 1),
            "due": datetime.fromtimestamp(now.wall + self.left(now), UTC).isoformat(timespec="seconds"),
            "missed": self.missed,
        }


def promise(number: int, device: str, wish: Wish, now: Moment) -> Promise:
    """What a wish comes to at this moment."""
    if wish.at is not None:
        return Promise(number, device, wish, now.wall, wish.at, "", 0.0)
    seconds = wish.seconds or 0.0
    return Promise(number, device, wish, now.wall, now.wall + seconds, now.boot, now.up + seconds)


def ago(seconds: float) -> str:
    """A length of time in words, roughly."""
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


def moment(boot: str) -> Moment:
    """Now, in this boot of the machine."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux's alone; elsewhere the wall clock has to do
    return Moment(time.time(), boot if clock is not None else "", time.clock_gettime(clock) if clock else 0.0)
