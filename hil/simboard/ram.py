"""The chip's RAM as far as a loader fills it: a program comes in segments and blocks, and starts when it is whole."""

from __future__ import annotations

import hashlib

from hil.simboard.chips import Chip
from hil.simboard.errors import BadProgram

SEGMENTS_MOST = 16


class Ram:
    """What MEM_BEGIN, MEM_DATA and MEM_END do."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._segments: dict[int, bytearray] = {}
        self._sizes: dict[int, int] = {}
        self._at = self._blocks = 0

    def begin(self, address: int, size: int, blocks: int) -> None:
        """A segment. Raises BadProgram where there is no RAM, or too many were begun."""
        if not size or not self._chip.in_ram(address, size) or len(self._segments) == SEGMENTS_MOST:
            raise BadProgram(f"{size} bytes at {address:#x} are not in the RAM of {self._chip.name}")
        self._at, self._blocks = address, blocks
        self._segments[address] = bytearray()
        self._sizes[address] = size

    def block(self, sequence: int, content: bytes) -> None:
        """The next block of the segment. Raises BadProgram where it is not the next one, or too long."""
        segment = self._segments.get(self._at)
        if segment is None or sequence >= self._blocks or len(segment) + len(content) > self._sizes[self._at]:
            raise BadProgram(f"block {sequence} belongs to no segment")
        segment += content

    def start(self, entry: int) -> bool:
        """Whether a program can start there: its segments are whole, and the entry lies in one of them."""
        whole = all(len(part) == self._sizes[at] for at, part in self._segments.items())
        return whole and any(at <= entry < at + len(part) for at, part in self._segments.items())

    def describe(self) -> str:
        """What was loaded, for the log: addresses, lengths, and a digest over the content in the order it came."""
        digest = hashlib.sha256(b"".join(self._segments.values())).hexdigest()
        parts = ", ".join(f"{len(part)} bytes at {at:#x}" for at, part in self._segments.items())
        return f"{parts}; sha256 {digest}"
