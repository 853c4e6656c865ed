"""What passes between a call's media and its bot: fixed headers, bounded bodies; neither end trusts the other.

A frame is a header of 20 bytes and a body. The header is little-endian: kind (1 byte), 3 bytes of zero, `rate` (4),
`length` of the body (4), `at` (a double): when it was made, in seconds of the machine's monotonic clock, which both
ends see. Sound is mono 16-bit PCM. Silence is told once, not 50 times a second: it lasts until the next frame of sound,
or until it is held.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.wire.plain import is_deeper

HEADER: Final = struct.Struct("<B3xIId")
_HEADER: Final = HEADER.size
MAX_SOUND: Final = 1 << 16
"""Bytes of one frame of sound: two seconds at 16 kHz, more than any transport of Pipecat's writes at once."""
MAX_MESSAGE: Final = 1 << 18
"""Bytes of one message; what a client sends is bounded by its data channel long before."""
MAX_DEPTH: Final = 48
"""Of lists and objects in each other in a message."""
RATES: Final = (8_000, 192_000)
"""The lowest and the highest rate of sound, in samples a second."""


class FrameError(GatewayError):
    """What came is no frame, or one that is too large: the other end is broken, or means harm."""


class Kind(IntEnum):
    """What a frame is."""

    HEARD = 1
    """Sound of the client, to the bot."""
    SILENCE = 2
    """The client is silent from here on, to the bot."""
    SAID = 3
    """Sound of the bot, to the client."""
    CLEAR = 4
    """Nothing of what was said and not played is to be played: the bot was interrupted."""
    MESSAGE = 5
    """A JSON object, either way (`gateway.wire.talk`)."""
    BEAT = 6
    """The bot's event loop runs, to the media."""
    HOLD = 7
    """No silence for now, nor sound: which of them this time was is told later, to the bot."""


_LIMITS: Final = {Kind.HEARD: MAX_SOUND, Kind.SAID: MAX_SOUND, Kind.MESSAGE: MAX_MESSAGE}
_SOUND: Final = (Kind.HEARD, Kind.SAID)


@dataclass(slots=True)
class Frame:
    """One frame; `rate`, in samples a second, is 0 for what is no sound."""

    kind: Kind
    body: bytes = b""
    rate: int = 0
    at: float = field(default=0.0, compare=False)

    def message(self) -> dict[str, Any]:
        """The JSON object that a message is.

        Raises:
            FrameError: it is none.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise FrameError(f"a message is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise FrameError("a message is no JSON object")
        _check_depth(value, self.body)
        return value


def encode(kind: Kind, body: bytes = b"", rate: int = 0, at: float = 0.0) -> bytes:
    """A frame as bytes.

    Raises:
        FrameError: the body is longer than the other end takes.
    """
    if len(body) > _LIMITS.get(kind, 0):
        raise FrameError(f"a frame of kind {kind.name} may not have {len(body)} bytes")
    return HEADER.pack(kind, rate, len(body), at) + body


def encode_message(value: dict[str, Any], at: float = 0.0) -> bytes:
    """A JSON object as a frame; raises FrameError where it is too long or too deep."""
    body = json.dumps(value).encode()
    _check_depth(value, body)
    return encode(Kind.MESSAGE, body, 0, at)


def _check_depth(value: Any, body: bytes) -> None:
    """Raises FrameError; few brackets are not looked at closer."""
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and is_deeper(value, MAX_DEPTH):
        raise FrameError(f"a message is nested deeper than {MAX_DEPTH}")


class Reader:
    """Cuts a stream of bytes into frames, however it is chopped."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete with these bytes.

        Raises:
            FrameError: what came is no frame; the stream can't be read on.
        """
        data = self._rest + data if self._rest else data
        found = []
        start, size = 0, len(data)
        while (body := start + _HEADER) <= size:
            number, rate, length, at = HEADER.unpack_from(data, start)
            kind = _checked(number, rate, length)
            if (end := body + length) > size:
                break
            found.append(Frame(kind, data[body:end], rate, at))
            start = end
        self._rest = data[start:]
        return found


def _checked(number: int, rate: int, length: int) -> Kind:
    if number not in _KINDS:
        raise FrameError(f"there is no frame of kind {number}")
    kind, most, is_sound = _KINDS[number]
    if length > most:
        raise FrameError(f"a frame of kind {kind.name} has {length} bytes")
    if is_sound and (length % 2 or not _LOWEST <= rate <= _HIGHEST):
        raise FrameError(f"sound of {length} bytes at {rate} samples a second")
    return kind


_LOWEST, _HIGHEST = RATES
_KINDS: Final = {int(kind): (kind, _LIMITS.get(kind, 0), kind in _SOUND) for kind in Kind}
"""What each is, how long its body may be, and whether that is sound."""
