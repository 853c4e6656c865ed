"""What happens in a call, as a machine of others tells it: each kind read by its form and bounds; pure.

What is made of it lasts: a page, figures, what a device is known to do. So nothing is let in that these can't hold.
"""

from __future__ import annotations

import functools
import json
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from gateway.errors import BadRequest
from gateway.wire import messages, plain, talk, tools
from gateway.wire.calls import SessionEvent, Unreadable

MOST_FIGURES: Final = 32
Name = Annotated[str, Field(max_length=talk.MAX_NAME)]
Long = Annotated[str, Field(max_length=256)]


def _figures(found: Any) -> Any:
    """Numbers, and what is not known; a later version may tell of more."""
    if not isinstance(found, dict):
        return found
    kept = {k: v for k, v in list(found.items())[:MOST_FIGURES] if v is None or _is_figure(v)}
    return {str(name)[: talk.MAX_NAME]: value for name, value in kept.items()}


def _is_figure(value: Any) -> bool:
    return type(value) in {int, float} and abs(value) <= tools.MAX_NUMBER


def _tool(told: dict[str, Any]) -> dict[str, Any]:
    return _known_tool(json.dumps(told))


@functools.lru_cache(maxsize=1_024)
def _known_tool(text: str) -> dict[str, Any]:
    """Checked once: a call is described twice a second."""
    try:
        return tools.added_by_board(json.loads(text))
    except BadRequest as error:
        raise ValueError(error.message) from None


def _arguments(found: dict[str, Any]) -> dict[str, Any]:
    if (why := plain.fault(found, talk.MAX_ARGUMENTS)) is not None:
        raise ValueError(why)
    return found


Figures = Annotated[dict[str, Any] | None, BeforeValidator(_figures)]
Tools = Annotated[list[Annotated[dict[str, Any], AfterValidator(_tool)]], Field(max_length=tools.MOST_EXTRAS)]


class _Session(BaseModel):
    client: Name = ""
    address: Long = ""
    bot: Long = ""
    state: Name
    started_at: talk.Seconds = 0.0
    media: Figures = None
    figures: Figures = None
    has: Annotated[list[Name], Field(max_length=32)] | None = None
    tools: Tools = Field(default_factory=list)


class _Ended(BaseModel):
    reason: Name


class _Transcript(talk.Transcript):
    bot: Long = ""


class _Turn(talk.Turn):
    stages_ms: Annotated[dict[Name, talk.Seconds | None], Field(max_length=16)]  # type: ignore[assignment]


class _Ask(talk.Ask):
    arguments: Annotated[dict[str, Any], AfterValidator(_arguments)] = Field(default_factory=dict)


class _Report(BaseModel):
    at: talk.Seconds
    kind: Name
    data: Annotated[dict[str, Any], AfterValidator(messages.shown)]


class _Said(BaseModel):
    number: Annotated[int, Field(ge=0, le=2**53)]
    how: Name
    why: Annotated[str, Field(max_length=talk.MAX_TOLD)] = ""


_FORMS: Final[dict[str, type[BaseModel]]] = {
    "session": _Session,
    "ended": _Ended,
    "transcript": _Transcript,
    "turn": _Turn,
    "report": _Report,
    "measures": talk.Measures,
    "tool": talk.Tool,
    "said": _Said,
    "ask": _Ask,
}


def read(event: SessionEvent, device: str | None) -> SessionEvent:
    """An event without what of it is not known here, of this device.

    Raises:
        Unreadable: it is of no form of ours, or over its bounds.
    """
    return event.model_copy(update={"data": {**_read(event.kind, event.data), **_whose(event, device)}})


def described(told: dict[str, Any]) -> dict[str, Any]:
    """A call as its host describes it, likewise."""
    return _read("session", told)


def _whose(event: SessionEvent, device: str | None) -> dict[str, Any]:
    """Which call and device it is of, that nobody else is to say."""
    return {"id" if event.kind == "session" else "session": event.session_id, "device": device}


def _read(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    if (form := _FORMS.get(kind)) is None:
        raise Unreadable(f"an event is of no kind that hosts tell: {kind}")
    try:
        return form.model_validate(data, extra="ignore").model_dump(exclude={"t"})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise Unreadable(f"an event is no {kind}: {first['loc']}: {first['msg']}") from None
