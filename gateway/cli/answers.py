"""What a gateway answers our commands, as far as they look at it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict  # typing's own is no model's before Python 3.12


class Problem(TypedDict):
    """Why it does not do what it was asked (docs/protocol.md)."""

    code: str
    detail: str
    remedy: str


class Link(TypedDict):
    """Where a browser is let in."""

    path: str


class Kept(TypedDict):
    """What a device is told now or later."""

    number: int


class Stopped(TypedDict):
    """How much of what rang or was said."""

    stopped: int


class Promised(Kept):
    """The same, and how it stands."""

    kind: str
    text: str
    left: float
    ringing: bool
    missed: bool


class Exchange(TypedDict):
    """What was asked, and answered."""

    at: float
    user: str
    bot: str


class History(TypedDict):
    """What was said with a device."""

    kept: bool
    summary: str
    exchanges: list[Exchange]


class Course(TypedDict):
    """How far a device is with its update."""

    device: str
    version: str
    state: str
    reason: str


class Rollout(TypedDict):
    """How far all of them are."""

    done: bool
    devices: list[Course]


class State(TypedDict):
    """Of the gateway; no rollout where none was since its start."""

    rollout: Rollout | None


class Answer(TypedDict):
    """To an offer."""

    sdp: str


Devices = list[dict[str, Any]]


def has_form(found: object, form: Any) -> bool:
    """Whether an answer's JSON is of a form; what it has beside that does not matter."""
    try:
        TypeAdapter(form).validate_python(found, strict=True)
    except ValidationError:
        return False
    return True
