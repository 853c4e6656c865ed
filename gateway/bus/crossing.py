"""Values on the bus: bounded plain JSON with a version, read by gateways one version apart.

Who reads leaves out the fields that it does not know, and has defaults for those that are new to it: so a later version
only ever adds fields, with defaults (docs/scale.md, versions).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from gateway.errors import BY_CODE, BadRequest, GatewayError
from gateway.wire import plain
from gateway.wire.calls import Unreadable, Wire

VERSION: Final = 1
MAX_BYTES: Final = 512 * 1024
"""Of a message; NATS has 1 MB. An offer is at most 64 kB, and a host with 300 calls tells of them in 400 kB."""
MAX_DEPTH: Final = 48
MAX_MESSAGE, MAX_REMEDY = 2_000, 500
"""Characters of an error."""
_HALVES: Final = re.compile(rb"\\u[dD][89a-fA-F]")
"""What may be half a character, which no page can be told."""

Value = TypeVar("Value", bound=Wire)


def pack(body: BaseModel | dict[str, Any]) -> bytes:
    """As it crosses.

    Raises:
        BadRequest: it is too long, or can't be written.
    """
    try:
        text = (
            body.model_dump_json() if isinstance(body, BaseModel) else json.dumps(body, separators=(",", ":"))
        )
        data = f'{{"v":{VERSION},"body":{text}}}'.encode()
    except ValueError as error:
        raise BadRequest(f"this can't be written for the bus: {error}") from error
    if len(data) > MAX_BYTES:
        raise BadRequest(f"{len(data)} bytes are too many for the bus", remedy=f"send at most {MAX_BYTES}")
    return data


def unpack(data: bytes) -> dict[str, Any]:
    """The body of what came.

    Raises:
        Unreadable: it is too long, too deep, no plain JSON, or of a version that is more than one ahead.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable(f"a message of {len(data)} bytes is too long")
    try:
        found = _DECODER.decode(data.decode())
        version, body = found["v"], found["body"]
        if _HALVES.search(data) is not None:
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unreadable("a message is not what this gateway sends") from None
    if plain.is_deeper(found, MAX_DEPTH):
        raise Unreadable(f"a message of {len(data)} bytes is too deep")
    if type(version) is not int or not isinstance(body, dict) or not VERSION - 1 <= version <= VERSION + 1:
        raise Unreadable(
            f"a message is of version {version!r:.20}, and {VERSION} is spoken here",
            remedy="upgrade one version at a time",
        )
    return body


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text:.40} is no number")
    return number


_DECODER: Final = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)
"""Made once: for each message it would cost as much as the reading."""


def read(data: bytes, kind: type[Value]) -> Value:
    """What came, as a value of ours; raises as `unpack` does."""
    return kind.told(unpack(data))


def pack_error(error: GatewayError) -> bytes:
    """An error as an answer."""
    return pack(
        {
            "error": {
                "code": error.code,
                "message": error.message[:MAX_MESSAGE],
                "remedy": error.remedy[:MAX_REMEDY],
            }
        }
    )


def answered(data: bytes) -> dict[str, Any]:
    """The body of an answer; raises the error that it is, or Unreadable."""
    body = unpack(data)
    if (error := body.get("error")) is not None:
        match error:
            case {"code": str(code), "message": str(message), "remedy": str(remedy)}:
                raise BY_CODE.get(code, GatewayError)(message[:MAX_MESSAGE], remedy=remedy[:MAX_REMEDY])
        raise Unreadable("an error over the bus is not what this gateway sends")
    return body
