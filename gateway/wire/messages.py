"""What a device and the gateway say to each other beside RTVI (docs/protocol.md, data channel); pure."""

from __future__ import annotations

import bisect
import json
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import BadRequest

FIGURES: Final = (
    "heap_free",
    "heap_least",
    "rssi",
    "jitter_us",
    "rtt_us",
    "playout_us",
    "lost",
    "received",
    "concealed",
    "fec",
    "underruns",
)
"""The numbers of a `device-figures`."""
MAX_TEXT: Final = 1_000
_MAX_FIGURE: Final = 2.0**53
_KINDS: Final = (
    "device-figures",
    "device-clock",
    "device-command-result",
    "device-update",
    "device-crash",
    "device-alert",
    "device-tool",
    "device-button",
)


@dataclass(frozen=True, slots=True)
class Report:
    """One message of a device. `kind` is its `t` without `device-`, `data` what it may hold, checked."""

    kind: str
    id: str | int | None
    data: dict[str, Any]


def fitted(message: Any, limit: int) -> str | None:
    """A message as JSON that has at most `limit` bytes of UTF-8; `None` where that can't be.

    A long `text`, as transcripts have one, is cut: a device that shows it has room for its beginning only.
    """
    if len((whole := _json(message)).encode()) <= limit:
        return whole
    data = message.get("data") if isinstance(message, dict) else None
    if not isinstance(data, dict) or not isinstance(text := data.get("text"), str):
        return None
    text = text[:limit]  # each character is a byte at least

    def cut(length: int) -> str:
        return _json({**message, "data": {**data, "text": text[:length].rstrip() + "…"}})

    fits = bisect.bisect_left(range(len(text)), True, key=lambda n: len(cut(n).encode()) > limit)
    return cut(fits - 1) if fits else None


def _json(message: Any) -> str:
    """Short; half a character, which UTF-8 can't write, is written in ASCII."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() or _is_whole(text) else json.dumps(message, separators=(",", ":"))


def _is_whole(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def read(message: Any) -> Report | None:
    """The report that a message on the data channel is; `None` for anything that is not a device's report.

    Raises:
        BadRequest: a report that is not as docs/protocol.md has it.
    """
    data = message.get("data") if isinstance(message, dict) else None
    if not isinstance(data, dict) or data.get("t") not in _KINDS:
        return None
    body, number = data.get("d"), message.get("id")
    if not isinstance(body, dict) or not isinstance(number, str | int | None):
        raise BadRequest(f"{data['t']}: `d` is no object, or `id` no text or number")
    kind = data["t"].removeprefix("device-")
    return Report(kind, number, _figures(body) if kind == "figures" else shown(body))


def _figures(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name: body[name] for name in FIGURES if name in body}
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MAX_FIGURE:
            raise BadRequest(f"device-figures: {name} is no number")
    return found


def shown(body: dict[str, Any]) -> dict[str, Any]:
    """Only what a log or a page can show: numbers, booleans and short printable texts."""
    result: dict[str, Any] = {}
    for key, value in list(body.items())[:16]:
        name = _printable(key[:64])
        if isinstance(value, str):
            result[name] = _printable(value)[:MAX_TEXT]
        elif (
            value is None
            or isinstance(value, bool)
            or (isinstance(value, int | float) and abs(value) <= _MAX_FIGURE)
        ):
            result[name] = value
    return result


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def clock_reply(report: Report, arrived_us: int, now_us: int) -> dict[str, Any]:
    """The answer to a `device-clock`; times are µs since 1970."""
    return _response(report, {"t0": report.data.get("t0"), "t1": arrived_us, "t2": now_us})


def received(report: Report) -> dict[str, Any]:
    """The answer after which a device may forget what it reported, a crash say."""
    return _response(report, {})


def _response(report: Report, d: dict[str, Any]) -> dict[str, Any]:
    data = {"t": f"device-{report.kind}", "d": d}
    return {"label": "rtvi-ai", "type": "server-response", "id": report.id, "data": data}


def command(name: str, value: Any = None, number: str | None = None) -> dict[str, Any]:
    """A command to a device, which answers with `device-command-result`, and names this number where there is one."""
    data = {"type": "device-command", "command": name, "value": value}
    if number is not None:
        data["id"] = number
    return {"label": "rtvi-ai", "type": "server-message", "data": data}


def changes_loudness(message: Any) -> bool:
    """Whether it is a command after which a device plays louder or more quietly."""
    data = message.get("data") if isinstance(message, dict) else None
    if not isinstance(data, dict) or data.get("type") != "device-command":
        return False
    return data.get("command") in {"volume", "mute", "alert"}


def attention(state: str) -> dict[str, Any]:
    """What a device is to show of whom it listens to."""
    data = {"type": "device-attention", "state": state}
    return {"label": "rtvi-ai", "type": "server-message", "data": data}


def echo(state: str) -> dict[str, Any]:
    """What the gateway does about a device's own voice in what it sends."""
    data = {"type": "device-echo", "state": state}
    return {"label": "rtvi-ai", "type": "server-message", "data": data}


def bot(state: str) -> dict[str, Any]:
    """Whether there is a bot that a device can talk to, or it has to wait for one."""
    return {"label": "rtvi-ai", "type": "server-message", "data": {"type": "device-bot", "state": state}}


def attention_told(state: str, by: str | None) -> dict[str, Any]:
    """The same for a bot, as a client's message; `by` is the word or the button that called the device."""
    data = {"t": "device-attention", "d": {"state": state, "by": by}}
    return {"label": "rtvi-ai", "type": "client-message", "id": "attention", "data": data}
