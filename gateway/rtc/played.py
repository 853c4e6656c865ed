"""What a device's speaker was at as a packet was recorded (docs/protocol.md, media). Pure."""

from __future__ import annotations

import struct
from typing import Final

PROFILE: Final = 0x5647
_FIXED: Final = 12
_EXTENDED: Final = 0x10
_EXTENSION: Final = struct.Struct("!HHL")


def played_in(packet: bytes) -> int | None:
    """The RTP timestamp of what was played, of a packet of RTP (RFC 3550, 5.3.1); None where it doesn't say."""
    if not packet or not packet[0] & _EXTENDED:
        return None
    at = _FIXED + 4 * (packet[0] & 0x0F)
    if len(packet) < at + _EXTENSION.size:
        return None
    profile, words, played = _EXTENSION.unpack_from(packet, at)
    return int(played) if profile == PROFILE and words >= 1 else None
