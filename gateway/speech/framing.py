"""The messages between the recogniser process and those that share it: a kind, a stream, an utterance, a payload."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from gateway.errors import GatewayError

HEADER = struct.Struct(">BIII")  # kind, stream, utterance, payload's length
MAX_PAYLOAD = 64_000  # bytes: 2 s of audio, a hundred times the usual piece


class FramingError(GatewayError):
    """A message that the other side can't have sent: the connection is out of step and has to go."""

    code = "speech_framing"


class Kind(IntEnum):
    """What a message is. START to CLOSE, PING, PAUSE and ON go to the recogniser, the others come from it."""

    START = 1  # an utterance begins; payload: nothing
    AUDIO = 2  # 16-bit mono PCM at 16 kHz
    END = 3  # it is over: answer with RESULT, UNCLEAR or FAILED
    DROP = 4  # it doesn't matter any more: no answer
    CLOSE = 5  # the stream is gone
    READY = 6  # the models are loaded
    RESULT = 7  # the transcript as UTF-8, maybe empty
    UNCLEAR = 8  # likewise, and not to be trusted
    FAILED = 9  # why there is none, as UTF-8
    PING = 10  # are you there?
    PONG = 11  # yes
    PAUSE = 12  # who spoke is silent: hear now what is answered if END comes next
    ON = 13  # speech goes on: what was heard at the pause is not all


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `stream` names a microphone of this connection, `utterance` one utterance of it."""

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


class Splitter:
    """Cuts what a connection brings into messages. Holds one unfinished message at most."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole with `data`. Raises FramingError for nonsense: nothing follows it."""
        self._held += data
        at = 0
        try:
            while len(self._held) - at >= HEADER.size:
                message, length = decode_header(bytes(self._held[at : at + HEADER.size]))
                if len(self._held) - at < HEADER.size + length:
                    return
                payload = bytes(self._held[at + HEADER.size : at + HEADER.size + length])
                at += HEADER.size + length
                yield Message(message.kind, message.stream, message.utterance, payload)
        finally:
            del self._held[:at]
