"""What a call's media and its bot tell each other beside sound: the messages of `gateway.wire.frames`, checked.

A bot's process may be anyone's code: what it says is read by form and bounds, like what comes off a network.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.wire.frames import FrameError

_T = TypeVar("_T")
MAX_TEXT = 20_000
StateName = Literal["new", "connecting", "connected", "disconnected", "failed", "closed"]
Seconds = Annotated[float, Field(allow_inf_nan=False)]


class Told(BaseModel):
    """A message; `t` is its kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class State(Told):
    """To the bot: the connection's state, as aiortc names it, and its id, which a restart changes."""

    t: Literal["state"] = "state"
    state: StateName
    pc_id: str


class App(Told):
    """Either way: a message of the data channel."""

    t: Literal["app"] = "app"
    message: Any


class Track(Told):
    """To the bot: the client turned a source on or off (Pipecat's `trackStatus`)."""

    t: Literal["track"] = "track"
    index: int
    enabled: bool


class Sounded(Told):
    """To the bot: the first packet of sound after silence has gone out, at this monotonic time in seconds."""

    t: Literal["sounded"] = "sounded"
    at: Seconds


class Ready(Told):
    """From the bot: its transport is connected; sound and messages are wanted from now on."""

    t: Literal["ready"] = "ready"


class HangUp(Told):
    """From the bot: it ends the call."""

    t: Literal["hang_up"] = "hang_up"


class Transcript(Told):
    """From the bot: a piece of what was said, by `who`, at `at` (seconds since 1970)."""

    t: Literal["transcript"] = "transcript"
    at: Seconds
    who: Literal["user", "bot"]
    text: Annotated[str, Field(max_length=MAX_TEXT)]
    final: bool


class Turn(Told):
    """From the bot: a turn that was answered; milliseconds of each stage after the one before."""

    t: Literal["turn"] = "turn"
    at: Seconds
    user: Annotated[str, Field(max_length=MAX_TEXT)]
    bot: Annotated[str, Field(max_length=MAX_TEXT)]
    stages_ms: Annotated[dict[Annotated[str, Field(max_length=40)], Seconds | None], Field(max_length=20)]
    total_ms: Seconds


_FROM_BOT: TypeAdapter[Ready | App | HangUp | Transcript | Turn] = TypeAdapter(
    Annotated[Ready | App | HangUp | Transcript | Turn, Field(discriminator="t")]
)
_TO_BOT: TypeAdapter[State | App | Track | Sounded] = TypeAdapter(
    Annotated[State | App | Track | Sounded, Field(discriminator="t")]
)


def from_bot(value: dict[str, Any]) -> Ready | App | HangUp | Transcript | Turn:
    """Read what a bot tells; raises FrameError where it is none of these."""
    return _read(_FROM_BOT, value)


def to_bot(value: dict[str, Any]) -> State | App | Track | Sounded:
    """Read what a bot is told; raises FrameError where it is none of these."""
    return _read(_TO_BOT, value)


def _read(adapter: TypeAdapter[_T], value: dict[str, Any]) -> _T:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise FrameError(f"a message is none of ours: {first['loc']}: {first['msg']}") from None
