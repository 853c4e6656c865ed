"""A packet of RTP, read (RFC 3550, 5.1), with what a device's speaker was at as it was recorded (docs/protocol.md).

Pure. aiortc's own reading makes an object with all extensions of each packet, of which nothing else is wanted here.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

PROFILE: Final = 0x5647
"""Of the extension that says what was played."""
_FIXED: Final = struct.Struct("!BBHLL")
_EXTENSION: Final = struct.Struct("!HH")
_PLAYED: Final = struct.Struct("!L")
_PLAIN: Final = 0x80  # version 2, and neither padding, extension nor sources
_PADDED, _EXTENDED, _SOURCES = 0x20, 0x10, 0x0F


class RtpPacket(NamedTuple):
    """One packet; `played`: the RTP timestamp of what was played meanwhile, None where it doesn't say."""

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    played: int | None = None


def read(data: bytes) -> RtpPacket:
    """Read a packet; raises ValueError where it is none."""
    if len(data) < _FIXED.size:
        raise ValueError(f"{len(data)} bytes are no packet of RTP")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first == _PLAIN:
        return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[_FIXED.size :])
    if first >> 6 != 2:
        raise ValueError(f"it is of version {first >> 6}")
    at, end, played = _FIXED.size + 4 * (first & _SOURCES), len(data), None
    if first & _EXTENDED:
        at, played = _extension(data, at)
    if first & _PADDED:
        end -= data[-1] or end  # it counts itself
    if at > end:
        raise ValueError("it ends before what its header announces")
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[at:end], played)


def _extension(data: bytes, at: int) -> tuple[int, int | None]:
    """Where it ends, and what it says of what was played."""
    if len(data) < at + _EXTENSION.size:
        raise ValueError("its extension is cut off")
    profile, words = _EXTENSION.unpack_from(data, at)
    at += _EXTENSION.size
    if len(data) < at + 4 * words:
        raise ValueError("its extension is cut off")
    played = _PLAYED.unpack_from(data, at)[0] if profile == PROFILE and words else None
    return at + 4 * words, played
