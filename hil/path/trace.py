"""What passed between a board and its gateway, packet by packet."""

from __future__ import annotations

import json
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from hil.path.link import Kind, Passage, kind_of

Way = Literal["up", "down"]  # from the board, to the board
_KEPT: Final = 200_000  # packets: half an hour of a call


@dataclass(frozen=True, slots=True)
class Packet:
    """One datagram.

    `at` and `left` are seconds on the link's clock, `left` is None where it never came out; `seq`, `timestamp`, `ssrc`
    and `payload_type` are those of RTP, which SRTP leaves readable (RFC 3711, section 3.1).
    """

    at: float
    way: Way
    kind: Kind
    size: int
    fate: str
    left: float | None
    call: int
    seq: int | None = None
    timestamp: int | None = None
    ssrc: int | None = None
    payload_type: int | None = None


class Trace:
    """The newest packets of a link, in the order in which they came."""

    def __init__(self, packets: Iterable[Packet] = ()) -> None:
        self._packets: deque[Packet] = deque(packets, _KEPT)

    def __iter__(self) -> Iterator[Packet]:
        return iter(tuple(self._packets))

    def __len__(self) -> int:
        return len(self._packets)

    def note(self, at: float, way: Way, call: int, data: bytes, passage: Passage) -> None:
        """Remember a packet and what became of it."""
        kind = kind_of(data)
        left = passage.deliveries[0][0] if passage.deliveries else None
        seq = timestamp = ssrc = payload_type = None
        if kind is Kind.RTP and len(data) >= 12:
            seq, timestamp, ssrc = struct.unpack_from("!HLL", data, 2)
            payload_type = data[1] & 0x7F
        self._packets.append(
            Packet(at, way, kind, len(data), passage.fate, left, call, seq, timestamp, ssrc, payload_type)
        )

    def media(self, way: Way, since: float = 0.0, until: float = float("inf")) -> list[Packet]:
        """The RTP of one direction that came in a span of time."""
        return [p for p in self if p.kind is Kind.RTP and p.way == way and since <= p.at < until]

    def write(self, path: Path) -> None:
        """A JSON array a line, headed by its columns."""
        with path.open("w") as file:
            file.write(json.dumps(list(Packet.__slots__)) + "\n")
            for p in self:
                row = [getattr(p, name) for name in Packet.__slots__]
                file.write(json.dumps([round(x, 6) if isinstance(x, float) else x for x in row]) + "\n")


def read(path: Path) -> Trace:
    """A trace that was written before."""
    with path.open() as file:
        columns = json.loads(next(file))
        rows = [dict(zip(columns, json.loads(line), strict=True)) for line in file]
    return Trace(Packet(**{**row, "kind": Kind(row["kind"])}) for row in rows)
