"""What a call's media and its bot tell each other beside sound: the messages of `gateway.wire.frames`, checked.

A bot's process may be anyone's code: what it says is read by form and bounds, like what comes off a network.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.wire import plain
from gateway.wire.frames import FrameError

_T = TypeVar("_T")
MAX_TEXT = 20_000
MAX_NAME = 64
MAX_TOLD = 2_000
"""Of a tool's arguments and of its result."""
MAX_ARGUMENTS = 16_000
"""Bytes, as JSON, of what a bot asks with: the summary of a call is the longest."""
MAX_MEASURE = 1e12
MAX_SDP = 1 << 16
Stage = Literal["turn", "transcript", "text", "audio", "packet"]
"""The steps of an answer after the end of speech, in order: figures are kept of each for ever, so of no others."""
StateName = Literal["new", "connecting", "connected", "disconnected", "failed", "closed"]
Seconds = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]
"""To the year 2286: a clock of nanoseconds in 64 bits has not many more. Of milliseconds 115 days."""
Figure = Annotated[float, Field(ge=-(2**53), le=2**53, allow_inf_nan=False)]


class Told(BaseModel):
    """A message; `t` is its kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class State(Told):
    """To the bot, or from one that has the whole connection: its state, by aiortc's names, and its id."""

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


class Done(Told):
    """To the bot: what became of an `Ask`. `result` is what it asked for, else why there is none."""

    t: Literal["done"] = "done"
    id: int
    ok: bool
    result: Any = None


class Negotiate(Told):
    """To a bot that has the whole connection: an offer to answer, of a new connection with `restart`."""

    t: Literal["negotiate"] = "negotiate"
    sdp: str
    type: str
    restart: bool
    addresses: list[str] | None


class Candidates(Told):
    """To such a bot: trickled candidates, each with its mid and the index of its section."""

    t: Literal["candidates"] = "candidates"
    items: list[tuple[str, str | None, int | None]]


class Close(Told):
    """To such a bot: the call is over; its client is told by the connection's end."""

    t: Literal["close"] = "close"


class Answered(Told):
    """From such a bot: the answer to the last `Negotiate` or `Candidates`, of which there is one at a time.

    `refusal` says why there is none.
    """

    t: Literal["answered"] = "answered"
    sdp: Annotated[str, Field(max_length=MAX_SDP)] = ""
    type: Annotated[str, Field(max_length=MAX_NAME)] = ""
    pc_id: Annotated[str, Field(max_length=MAX_TOLD)] = ""
    refusal: Annotated[str, Field(max_length=MAX_TEXT)] | None = None


class Media(Told):
    """From such a bot, each second: its client's signs of life so far, and how the media fares."""

    t: Literal["media"] = "media"
    signs: int
    figures: Annotated[dict[str, Figure | None], Field(max_length=20)] | None


class Ready(Told):
    """From the bot: its transport is connected; sound and messages are wanted from now on."""

    t: Literal["ready"] = "ready"


class HangUp(Told):
    """From the bot: it ends the call."""

    t: Literal["hang_up"] = "hang_up"


class Ask(Told):
    """From the bot: it asks for a tool of its device or gateway (`wire.tools`), answered by `Done` with its id."""

    t: Literal["ask"] = "ask"
    id: Annotated[int, Field(ge=0, lt=1 << 53)]
    tool: Annotated[str, Field(max_length=64)]
    arguments: dict[str, Any] = {}

    def fault(self) -> str | None:
        """Why its arguments can't be passed on, or `None`: a bot is told, as it may have them from a model."""
        return plain.fault(self.arguments, MAX_ARGUMENTS)


class Whole(Told):
    """From the bot: it asked for what only a whole connection in its own process has."""

    t: Literal["whole"] = "whole"


class Line(Told):
    """Either way, in a call on the phone: a message of its WebSocket, as text, or as bytes in base64."""

    t: Literal["line"] = "line"
    text: str | None = None
    data: str | None = None


class Transcript(Told):
    """From the bot: a piece of what was said, by `who`, at `at` (seconds since 1970)."""

    t: Literal["transcript"] = "transcript"
    at: Seconds
    who: Literal["user", "bot"]
    text: Annotated[str, Field(max_length=MAX_TEXT)]
    final: bool


class Measure(BaseModel):
    """What a service of a bot has measured, in seconds, or has used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: Annotated[str, Field(max_length=MAX_NAME)]
    model: Annotated[str, Field(max_length=MAX_NAME)]
    kind: Literal[
        "ttfb",
        "processing",
        "prompt_tokens",
        "completion_tokens",
        "cache_read_tokens",
        "reasoning_tokens",
        "characters",
        "audio_seconds",
    ]
    value: Annotated[float, Field(ge=0, le=MAX_MEASURE, allow_inf_nan=False)]


class Measures(Told):
    """From the bot: Pipecat's own metrics."""

    t: Literal["measures"] = "measures"
    items: Annotated[list[Measure], Field(max_length=64)]


class Tool(Told):
    """From the bot: a call of a tool by its language model, over since; `at` (seconds since 1970) it began."""

    t: Literal["tool"] = "tool"
    at: Seconds
    name: Annotated[str, Field(max_length=MAX_NAME)]
    arguments: Annotated[str, Field(max_length=MAX_TOLD)]
    result: Annotated[str, Field(max_length=MAX_TOLD)]
    ok: bool
    ms: Seconds


class Turn(Told):
    """From the bot: a turn that was answered; milliseconds of each stage after the one before.

    `since` is the end of speech, and `at` the end of the answer, in seconds since 1970.
    """

    t: Literal["turn"] = "turn"
    at: Seconds
    since: Seconds | None = None
    user: Annotated[str, Field(max_length=MAX_TEXT)]
    bot: Annotated[str, Field(max_length=MAX_TEXT)]
    stages_ms: dict[Stage, Seconds | None]
    total_ms: Seconds


FromBot = (
    Ready | App | HangUp | Whole | Ask | Line | Transcript | Turn | Measures | Tool | Answered | Media | State
)
ToBot = State | App | Track | Sounded | Done | Line | Negotiate | Candidates | Close
_FROM_BOT: TypeAdapter[FromBot] = TypeAdapter(Annotated[FromBot, Field(discriminator="t")])
_TO_BOT: TypeAdapter[ToBot] = TypeAdapter(Annotated[ToBot, Field(discriminator="t")])


def from_bot(value: dict[str, Any]) -> FromBot:
    """Read what a bot tells; raises FrameError where it is none of these."""
    return _read(_FROM_BOT, value)


def to_bot(value: dict[str, Any]) -> ToBot:
    """Read what a bot is told; raises FrameError where it is none of these."""
    return _read(_TO_BOT, value)


def _read(adapter: TypeAdapter[_T], value: dict[str, Any]) -> _T:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise FrameError(f"a message is none of ours: {first['loc']}: {first['msg']}") from None
