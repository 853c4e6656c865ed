"""The messages between a gateway worker and its recogniser process: a length, a kind, a stream, a payload."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from gateway.errors import GatewayError

HEADER = struct.Struct(">BIII")  # kind, stream, utterance, payload's length
MAX_PAYLOAD = 64_000  # bytes: 2 s of audio, a hundred times the usual piece


class FramingError(GatewayError):
    """A message that the other side can't have sent: the pipe is out of step and has to go."""

    code = "speech_framing"


class Kind(IntEnum):
    """What a message is. START to DROP go to the recogniser, READY to FAILED come from it."""

    START = 1  # an utterance begins; payload: nothing
    AUDIO = 2  # 16-bit mono PCM at 16 kHz
    END = 3  # it is over: answer with RESULT, UNCLEAR or FAILED
    DROP = 4  # it doesn't matter any more: no answer
    CLOSE = 5  # the stream is gone
    READY = 6  # the models are loaded
    RESULT = 7  # the transcript as UTF-8, maybe empty
    UNCLEAR = 8  # likewise, and not to be trusted
    FAILED = 9  # why there is none, as UTF-8


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `stream` names a session's microphone, `utterance` one utterance of it."""

    kind: Kind
    stream: int = 0
    utterance: int = 0
    payload: bytes = b""

    def encode(self) -> bytes:
        """The message as bytes. Raises FramingError where the payload is over MAX_PAYLOAD."""
        if len(self.payload) > MAX_PAYLOAD:
            raise FramingError(f"a message of {len(self.payload)} bytes is over {MAX_PAYLOAD}")
        return HEADER.pack(self.kind, self.stream, self.utterance, len(self.payload)) + self.payload


def decode_header(header: bytes) -> tuple[Message, int]:
    """(the message without its payload, the payload's length). Raises FramingError for nonsense."""
    kind, stream, utterance, length = HEADER.unpack(header)
    if length > MAX_PAYLOAD or kind not in Kind.__members__.values():
        raise FramingError(f"kind {kind} with {length} bytes is not a message")
    return Message(Kind(kind), stream, utterance), length


def read_message(read: Callable[[int], bytes]) -> Message | None:
    """The next message of a blocking reader, None at its end. Raises FramingError if cut within one."""
    header = read(HEADER.size)
    if not header:
        return None
    if len(header) < HEADER.size:
        raise FramingError("the pipe ended within a header")
    message, length = decode_header(header)
    payload = read(length) if length else b""
    if len(payload) < length:
        raise FramingError("the pipe ended within a payload")
    return Message(message.kind, message.stream, message.utterance, payload)
