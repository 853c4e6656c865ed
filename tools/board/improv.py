"""Improv Wi-Fi Serial, version 1: packets, read and made. Pure.

Source: https://www.improv-wifi.com/serial/
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from tools.errors import ImprovError

_MARK = b"IMPROV\x01"
_TYPE_AT, _LENGTH_AT, _DATA_AT = len(_MARK), len(_MARK) + 1, len(_MARK) + 2


class Kind(IntEnum):
    """Types of packets."""

    STATE = 0x01
    ERROR = 0x02
    COMMAND = 0x03
    RESULT = 0x04


class Command(IntEnum):
    """Commands, which results repeat."""

    SET_WIFI = 0x01
    GET_STATE = 0x02
    GET_INFO = 0x03
    SCAN = 0x04


class State(IntEnum):
    """What a device says of itself."""

    READY = 0x02
    PROVISIONING = 0x03
    PROVISIONED = 0x04


ERRORS = {
    0x01: "it does not understand the request",
    0x02: "it does not know the request",
    0x03: "it cannot connect to the network with this name and password",
    0x04: "it wants its button to be pressed first",
    0x05: "the name is not allowed",
    0xFF: "something went wrong in it",
}


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet without its frame."""

    kind: int
    data: bytes


def encode(kind: Kind, data: bytes) -> bytes:
    """A packet as it goes over the wire, with the line end that the specification allows after it."""
    framed = _MARK + bytes([kind, len(data)]) + data
    return framed + bytes([sum(framed) & 0xFF]) + b"\n"


def command(which: Command, *texts: str) -> bytes:
    """A request with texts as its arguments.

    Raises:
        ImprovError: they are too long for a packet.
    """
    encoded = [text.encode() for text in texts]
    size = sum(len(text) + 1 for text in encoded)
    if size > 253:
        raise ImprovError("name and password are too long", remedy="give shorter ones")
    arguments = b"".join(bytes([len(text)]) + text for text in encoded)
    return encode(Kind.COMMAND, bytes([which, size]) + arguments)


class Reader:
    """Finds packets among log output, however it is cut into pieces."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> tuple[list[Packet], bytes]:
        """Take bytes; gives the whole packets and, as they lie, the bytes that belong to none.

        A packet with a wrong checksum is left out: its sender will be asked again.
        """
        self._buffer += data
        packets: list[Packet] = []
        other = b""
        while True:
            at = self._buffer.find(_MARK)
            if at < 0:
                keep = _could_begin(self._buffer)
                other += self._buffer[: len(self._buffer) - keep]
                self._buffer = self._buffer[len(self._buffer) - keep :]
                return packets, other
            other += self._buffer[:at]
            self._buffer = self._buffer[at:]
            end = _DATA_AT + self._buffer[_LENGTH_AT] + 1 if len(self._buffer) > _LENGTH_AT else _DATA_AT + 1
            if len(self._buffer) < end:
                return packets, other
            framed, self._buffer = self._buffer[:end], self._buffer[end:].removeprefix(b"\n")
            if sum(framed[:-1]) & 0xFF == framed[-1]:
                packets.append(Packet(framed[_TYPE_AT], framed[_DATA_AT:-1]))


def _could_begin(data: bytes) -> int:
    """How many bytes at the end may be the beginning of a packet."""
    return next((n for n in range(min(len(_MARK), len(data)), 0, -1) if data.endswith(_MARK[:n])), 0)


def result(packet: Packet) -> tuple[int, list[str]]:
    """The command that a result answers, and its texts.

    Raises:
        ImprovError: it is malformed.
    """
    data = packet.data
    if packet.kind != Kind.RESULT or len(data) < 2 or data[1] != len(data) - 2:
        raise ImprovError("the device sent a malformed result", remedy="try again")
    texts, at = [], 2
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            raise ImprovError("the device sent a malformed result", remedy="try again")
        texts.append(data[at + 1 : end].decode(errors="replace"))
        at = end
    return data[0], texts
