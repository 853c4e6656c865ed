"""What a proxy says of whom it connects for, in the PROXY protocol; pure.

HAProxy's specification "The PROXY protocol", versions 1 (section 2.1) and 2 (section 2.2). A header comes whole, in one
segment (section 2): one that does not is none.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import Final

MOST: Final = 2_048
"""Bytes of a header: of version 1 at most 107, of version 2 with room for what else is told."""
_FIRST: Final = b"PROXY "
_SECOND: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_LINE: Final = 107
_LOCAL, _PROXY = 0x20, 0x21
_TCP: Final = {0x11: (4, 12), 0x21: (16, 36)}
"""By family: bytes of an address, and of both with their ports."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header of `length` bytes; `source` is the client's address and port, `None` where the proxy asks for itself."""

    length: int
    source: tuple[str, int] | None


def begins(data: bytes) -> bool:
    """Whether this is the beginning of a header, and of nothing else."""
    return any(data.startswith(mark) or (data and mark.startswith(data)) for mark in (_FIRST, _SECOND))


def read(data: bytes) -> Header:
    """The header that a connection begins with.

    Raises:
        ValueError: it is not whole, malformed, or of something else than TCP.
    """
    return _line(data) if data.startswith(_FIRST) else _binary(data)


def _line(data: bytes) -> Header:
    line, end, _ = data[:_LINE].partition(b"\r\n")
    words = line.decode("ascii").split(" ")
    if not end or len(words) < 2:
        raise ValueError("the line has no end")
    if words[1] == "UNKNOWN":
        return Header(len(line) + 2, None)
    if len(words) != 6 or words[1] not in {"TCP4", "TCP6"}:
        raise ValueError("the line is none of TCP")
    source = ipaddress.ip_address(words[2])
    if source.version != int(words[1][-1]):
        raise ValueError("the address is of another kind")
    return Header(len(line) + 2, (str(source), _port(words[4])))


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 0xFFFF:
        raise ValueError("a port is none")
    return int(text)


def _binary(data: bytes) -> Header:
    if len(data) < 16 or not data.startswith(_SECOND):
        raise ValueError("it is not whole")
    command, family, length = struct.unpack_from("!BBH", data, len(_SECOND))
    end = 16 + length
    if end > min(len(data), MOST) or command not in {_LOCAL, _PROXY}:
        raise ValueError("it is not whole, or of another version")
    if command == _LOCAL:
        return Header(end, None)
    if family not in _TCP or length < _TCP[family][1]:
        raise ValueError("it is not of TCP")
    size = _TCP[family][0]
    address = ipaddress.ip_address(data[16 : 16 + size])
    return Header(end, (str(address), struct.unpack_from("!H", data, 16 + 2 * size)[0]))
