"""Redundant audio (RED, RFC 2198) of Opus: frames sent once more, against losses in a row that FEC can't mend. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from gateway.errors import CodecError
from gateway.rtc.codec import is_inactive, packet_samples

OLDER: Final = 2
"""Frames that are sent once more. The oldest has the FEC of the one before it: three lost in a row are restored."""
MAX_BYTES: Final = 1_100
"""Of a payload: with all headers it stays below the 1,200 bytes that pass on any path (RFC 8261, section 5)."""

_TICKS_PER_SAMPLE: Final = 3  # of the 48 kHz RTP clock (RFC 7587 §4.1)
_FRAME: Final = 960  # ticks: what we send is 20 ms long
_MAX_BLOCKS: Final = 32  # libwebrtc takes no more either
_MORE: Final = 0x80  # the F bit: another header follows (RFC 2198 §3)
_OFFSET_BITS, _LENGTH_BITS = 14, 10  # RFC 2198 §3

# A report tells how many were lost, not which. Three in one may have been in a row, and of a tenth or more FEC alone
# leaves holes even where they weren't.
_BURST: Final = 3
_SHARE: Final = 0.1
_HOLD: Final = (
    15.0  # seconds: more than two of a device's intervals between reports (RFC 3550 §6.2: 2 to 6.2 s)
)


@dataclass(frozen=True, slots=True)
class Block:
    """An older frame; `offset`: how many ticks before the primary it begins."""

    offset: int
    payload: bytes


def split(payload: bytes, opus: Collection[int]) -> tuple[bytes, list[Block]]:
    """The primary block of a RED payload, and those older frames of which the sequence numbers are known.

    RFC 2198 sends none: they are known of frames that follow each other without a gap, up to the primary.

    Args:
        payload: of the RTP packet.
        opus: the payload types of Opus; blocks of others are left out.

    Returns:
        The primary, and the older ones, newest first: the nth is of the nth packet before this one.

    Raises:
        CodecError: it ends in a header or a block, has over 32 of them, or its primary is none of Opus.
    """
    headers, primary, at = _headers(payload)
    if primary not in opus:
        raise CodecError(f"the primary block of a RED packet is of payload type {primary}")
    blocks = []
    for payload_type, offset, length in headers:
        if payload_type in opus:
            blocks.append(Block(offset, payload[at : at + length]))
        at += length
    if at >= len(payload):
        raise CodecError("a RED packet ends before its primary block")
    return payload[at:], _following(blocks)


def _headers(payload: bytes) -> tuple[list[tuple[int, int, int]], int, int]:
    """Payload type, offset and length of each older block; the primary's payload type; where the blocks begin."""
    headers = []
    at = 0
    while at < len(payload) and payload[at] & _MORE:
        word = int.from_bytes(payload[at : at + 4], "big")
        headers.append(((word >> 24) & 0x7F, (word >> _LENGTH_BITS) & 0x3FFF, word & 0x3FF))
        at += 4
        if len(headers) > _MAX_BLOCKS:
            raise CodecError(f"a RED packet of over {_MAX_BLOCKS} blocks")
    if at >= len(payload):
        raise CodecError("a RED packet ends in its headers")
    return headers, payload[at], at + 1


def _following(blocks: Iterable[Block]) -> list[Block]:
    found: list[Block] = []
    begins = 0
    for block in sorted(blocks, key=lambda block: block.offset):
        try:
            begins += packet_samples(block.payload) * _TICKS_PER_SAMPLE
        except CodecError:
            break
        if block.offset != begins:
            break
        found.append(block)
    return found


class Redundancy:
    """Opus on its way out, with the frames before it where the far end reports losses as bursts make them.

    Args:
        opus: the payload type of the blocks.
    """

    __slots__ = ("_lost", "_older", "_opus", "_until")

    def __init__(self, opus: int) -> None:
        self._opus = opus
        self._older: deque[tuple[int, bytes]] = deque(maxlen=OLDER)  # timestamp and payload, newest first
        self._lost = 0
        self._until = float("-inf")

    def heed(self, fraction: float, lost: int, now: float) -> None:
        """Take a report of the far end: the fraction lost since its last, and the packets lost in all."""
        since, self._lost = lost - self._lost, lost
        if since >= _BURST and fraction >= _SHARE:
            self._until = now + _HOLD

    def wrap(self, payload: bytes, timestamp: int, now: float) -> bytes | None:
        """A RED payload of this packet and those before it; None where it goes out as it is.

        What the encoder heard no voice in is not sent once more, and nothing from before a pause.
        """
        older = self._repeatable(timestamp, MAX_BYTES - 1 - len(payload)) if now < self._until else []
        if is_inactive(payload):
            self._older.clear()
        elif len(payload) < 1 << _LENGTH_BITS:
            self._older.appendleft((timestamp, payload))
        if not older:
            return None
        headers = b"".join(self._header(offset, block) for offset, block in older)
        return headers + bytes([self._opus]) + b"".join(block for _, block in older) + payload

    def _repeatable(self, timestamp: int, room: int) -> list[tuple[int, bytes]]:
        """Offsets and payloads that fit, oldest first."""
        found: list[tuple[int, bytes]] = []
        for number, (begun, block) in enumerate(self._older, 1):
            room -= 4 + len(block)
            if (timestamp - begun) & 0xFFFFFFFF != number * _FRAME or room < 0:
                break
            found.insert(0, (number * _FRAME, block))
        return found

    def _header(self, offset: int, block: bytes) -> bytes:
        word = (_MORE | self._opus) << (_OFFSET_BITS + _LENGTH_BITS) | offset << _LENGTH_BITS | len(block)
        return word.to_bytes(4, "big")
