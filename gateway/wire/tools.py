"""What a device can do, in one table: for language models, the API and docs/tools-for-models.md. Pure.

A tool is a device command (docs/protocol.md), or something that the gateway does for the device. What a board adds is
told by the device itself, and is checked here: it may be anyone's.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import BadRequest
from gateway.wire import plain

MOST_EXTRAS: Final = 16
"""Tools that one board may add."""
MAX_DESCRIPTION: Final = 300
MAX_TEXT: Final = 1_000
"""Of any other text of a board's tool."""
MOST_CHOICES: Final = 64
MAX_NUMBER: Final = 2.0**53
"""As exact as JavaScript has whole numbers; no NaN is within it."""
MAX_RESULT: Final = 4_000
"""Characters of a result that a language model is told."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
PREFERENCES: Final = ("name", "place", "units", "voice")
"""Of whoever speaks with a device."""
UNITS: Final = ("metric", "imperial")
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "string": (str,),
}
_SPECIFIED: Final = frozenset({"type", "description", "minimum", "maximum", "enum", "maxLength"})


@dataclass(frozen=True, slots=True)
class Tool:
    """One thing that can be done. `properties` is JSON Schema's; `needs` is a part of the device, or `history`."""

    name: str
    description: str
    properties: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...] = ()
    needs: str | None = None
    command: str | None = None
    """Of the device that does it; `None`: the gateway does."""
    value: str | None = None
    """The argument that is the command's whole value; without it the value is all arguments, or nothing."""

    def view(self) -> dict[str, Any]:
        """As JSON: name, description, and the schema of the arguments."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": {
                "type": "object",
                "properties": {name: dict(schema) for name, schema in self.properties.items()},
                "required": list(self.required),
            },
        }


_TEXT = {"type": "string", "maxLength": 1_000}
_WHEN: Mapping[str, Mapping[str, Any]] = {
    "seconds": {"type": "integer", "minimum": 1, "maximum": 31_622_400, "description": "From now."},
    "time": {
        "type": "string",
        "description": "Instead: when, as HH:MM for its next time, or YYYY-MM-DDTHH:MM.",
    },
}
TOOLS: Final[tuple[Tool, ...]] = (
    Tool(
        "set_volume",
        "Set how loud this device speaks.",
        {"percent": {"type": "integer", "minimum": 0, "maximum": 100}},
        ("percent",),
        command="volume",
        value="percent",
    ),
    Tool(
        "mute",
        "Silence this device's speaker, or let it speak again.",
        {"on": {"type": "boolean"}},
        ("on",),
        command="mute",
        value="on",
    ),
    Tool(
        "set_light",
        "Set the colour of this device's own light.",
        {"colour": {"type": "string", "maxLength": 7, "description": "#rrggbb, or auto for its normal use."}},
        ("colour",),
        needs="light",
        command="led",
        value="colour",
    ),
    Tool(
        "play_tone",
        "Play a tone on this device.",
        {
            "hz": {"type": "integer", "minimum": 50, "maximum": 7_000},
            "ms": {"type": "integer", "minimum": 10, "maximum": 10_000},
        },
        ("hz",),
        command="tone",
    ),
    Tool("identify", "Have this device blink and beep, so that people can find it.", {}, command="identify"),
    Tool(
        "show_text",
        "Show a short text on this device's screen.",
        {"text": {"type": "string", "maxLength": 200}},
        ("text",),
        needs="display",
        command="show",
        value="text",
    ),
    Tool(
        "set_timer",
        "Have this device ring after a length of time.",
        {
            "seconds": {"type": "integer", "minimum": 1, "maximum": 31_622_400},
            "label": {"type": "string", "maxLength": 100, "description": "What it is for: pasta."},
        },
        ("seconds",),
    ),
    Tool(
        "set_alarm",
        "Have this device ring at a time of day.",
        {"time": _WHEN["time"], "label": {"type": "string", "maxLength": 100}},
        ("time",),
    ),
    Tool(
        "set_reminder",
        "Have this device ring and say what to remember, after a length of time or at a time.",
        {"text": {"type": "string", "maxLength": 100, "description": "What to remember."}, **_WHEN},
        ("text",),
    ),
    Tool("list_timers", "All timers, alarms and reminders of this device, with what is left.", {}),
    Tool(
        "cancel_timer",
        "Cancel a timer, alarm or reminder of this device by its number, or stop it ringing.",
        {"number": {"type": "integer", "minimum": 1}},
        ("number",),
    ),
    Tool("stop_ringing", "Stop what rings on this device.", {}),
    Tool(
        "announce",
        "Say something on another device of this home, at once or when it is back.",
        {"device": {"type": "string", "maxLength": 63, "description": "Its name."}, "text": _TEXT},
        ("device", "text"),
    ),
    Tool(
        "set_preference",
        "Remember what people here want to be called, where they are, their units or their voice of yours. "
        "An empty value forgets it.",
        {
            "name": {"type": "string", "enum": list(PREFERENCES)},
            "value": {
                "type": "string",
                "maxLength": 60,
                "description": f"For units: {' or '.join(UNITS)}.",
            },
        },
        ("name", "value"),
    ),
    Tool(
        "recall",
        "What was said with this device before, the oldest first: the last of it, or what has certain words.",
        {"words": {"type": "string", "maxLength": 60, "description": "Words that it has."}},
        needs="history",
    ),
    Tool("list_devices", "The devices of this home, and which of them are there now.", {}),
)
BY_NAME: Final[Mapping[str, Tool]] = {tool.name: tool for tool in TOOLS}


def offered(has: list[str] | None, extras: list[dict[str, Any]]) -> list[Tool]:
    """The tools of a device that has these parts and adds these (`of_board`); one that does not say has all."""
    own = [t for t in TOOLS if t.needs in {None, "history"} or has is None or t.needs in has]
    return own + [_added(e) for e in extras if e["name"] not in BY_NAME]


def _added(extra: Mapping[str, Any]) -> Tool:
    properties = extra["properties"]
    return Tool(extra["name"], extra["description"], properties, tuple(properties), command=extra["name"])


def of_board(told: Mapping[str, Any]) -> dict[str, Any]:
    """A tool as a device tells it: `name`, `description`, and `properties`, a text with JSON Schema's properties.

    Raises:
        BadRequest: it is none; says why.
    """
    name = told.get("name")
    try:
        properties = json.loads(str(told.get("properties") or "{}"))
    except (ValueError, RecursionError):
        raise BadRequest(f"{name!s:.64}: its properties are no JSON") from None
    return added_by_board({**told, "properties": properties})


def added_by_board(told: Mapping[str, Any]) -> dict[str, Any]:
    """A tool of a board as `of_board` gives it, from whoever says so; raises BadRequest likewise."""
    name, description, properties = (told.get(x) for x in ("name", "description", "properties"))
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadRequest(f"{name!r} is no name of a tool")
    if not isinstance(description, str) or not description.strip():
        raise BadRequest(f"{name} has no description")
    if (why := plain.fault(description)) is not None:
        raise BadRequest(f"{name}: its description: {why}")
    if not isinstance(properties, dict) or len(properties) > 8:
        raise BadRequest(f"{name}: its properties are no object of at most eight")
    for key, schema in properties.items():
        if not _NAME.fullmatch(key) or not isinstance(schema, dict) or not _is_type(schema.get("type")):
            raise BadRequest(f"{name}: {key!r} is no property with a simple type")
        if set(schema) - _SPECIFIED:
            raise BadRequest(f"{name}: {key!r} has more than {', '.join(sorted(_SPECIFIED))}")
        wrong = [word for word, value in schema.items() if not _may_specify(word, value)]
        if wrong or plain.fault(schema) is not None:
            raise BadRequest(f"{name}: what {key!r} may be is not plain: {', '.join(wrong) or 'its texts'}")
    return {"name": name, "description": description[:MAX_DESCRIPTION], "properties": properties}


def _may_specify(word: str, value: Any) -> bool:
    """Whether a word of a schema has a value of the kind that JSON Schema gives it, and a bounded one."""
    match word:
        case "type":
            return _is_type(value)
        case "description":
            return isinstance(value, str) and len(value) <= MAX_TEXT
        case "enum":
            return isinstance(value, list) and 0 < len(value) <= MOST_CHOICES and all(map(_is_choice, value))
        case "maxLength":
            return type(value) is int and 0 <= value <= MAX_NUMBER
        case _:
            return _is_number(value)


def _is_type(value: Any) -> bool:
    return isinstance(value, str) and value in _TYPES


def _is_choice(value: Any) -> bool:
    return isinstance(value, bool) or (
        len(value) <= MAX_TEXT if isinstance(value, str) else _is_number(value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER


def checked(tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call, within their bounds: a language model makes up what it likes.

    Raises:
        BadRequest: they are not; says which and what it may be.
    """
    unknown = sorted(set(arguments) - set(tool.properties))
    if unknown:
        known = ", ".join(tool.properties) or "none"
        raise BadRequest(f"{tool.name} has no {', '.join(map(str, unknown))}; its arguments: {known}")
    found = {name: value for name, value in arguments.items() if value is not None}
    missing = [name for name in tool.required if name not in found]
    if missing:
        raise BadRequest(f"{tool.name} needs {', '.join(missing)}")
    return {name: _within(tool.name, name, value, tool.properties[name]) for name, value in found.items()}


def _within(tool: str, name: str, value: Any, schema: Mapping[str, Any]) -> Any:
    wanted = schema["type"]
    if wanted == "integer" and isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if not isinstance(value, _TYPES[wanted]) or (isinstance(value, bool) and wanted != "boolean"):
        raise BadRequest(f"{tool}: {name} is to be of type {wanted}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        if not low <= value <= high:
            raise BadRequest(f"{tool}: {name} is to be from {low} to {high}")
    if isinstance(value, str) and len(value) > schema.get("maxLength", 1_000):
        raise BadRequest(f"{tool}: {name} is too long")
    if isinstance(value, str) and (why := plain.fault(value)) is not None:
        raise BadRequest(f"{tool}: {name}: {why}")
    if "enum" in schema and value not in schema["enum"]:
        raise BadRequest(f"{tool}: {name} is to be one of {', '.join(map(str, schema['enum']))}")
    return value


def command_value(tool: Tool, arguments: Mapping[str, Any]) -> Any:
    """The value of the device command that a call comes to."""
    return arguments[tool.value] if tool.value is not None else (dict(arguments) or None)
