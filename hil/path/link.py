"""What a bad network does to packets: pure, seeded, the same to the packet each time."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_HELD_BACK_MS: Final = 45.0  # of a packet that is overtaken: by two of 20 ms
_IP_AND_UDP: Final = 28  # bytes of an IPv4 and a UDP header, which an MTU counts as well


class Kind(StrEnum):
    """What shares the one port of a call (RFC 7983, section 7; RFC 5761, section 4)."""

    ICE = "ice"
    DTLS = "dtls"
    RTP = "rtp"
    RTCP = "rtcp"
    OTHER = "other"


def kind_of(packet: bytes) -> Kind:
    """Tell by its first two bytes."""
    if len(packet) < 2:
        return Kind.OTHER
    if packet[0] < 4:
        return Kind.ICE
    if 20 <= packet[0] < 64:
        return Kind.DTLS
    if 128 <= packet[0] < 192:
        return Kind.RTCP if 192 <= packet[1] < 224 else Kind.RTP
    return Kind.OTHER


@dataclass(frozen=True, slots=True)
class Impairments:
    """One direction of a bad path. Fractions are of 1, times in milliseconds, and 0 is always "not at all".

    `burst` is the mean number of packets lost in a row; over 1, losses follow Gilbert's two states. `jitter_ms` is
    the mean of an exponential wait in a queue that keeps the order; `reorder` is the fraction that is overtaken.
    `rate_kbit` drops what would wait longer than `queue_ms`. `blackouts` are seconds since the path became so.
    """

    loss: float = 0.0
    burst: float = 1.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    reorder: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    rate_kbit: float = 0.0
    queue_ms: float = 200.0
    mtu: int = 0
    blackouts: tuple[tuple[float, float], ...] = ()


CLEAR: Final = Impairments()


@dataclass(frozen=True, slots=True)
class Passage:
    """What became of one packet: `fate` is `passed`, or why it did not, or not as it was."""

    fate: str
    deliveries: tuple[tuple[float, bytes], ...] = ()


@dataclass(slots=True)
class _Chance:
    """The dice of one kind of packet; each packet throws all of them, so that its fate depends on its number only."""

    dice: random.Random
    bad: bool = False

    def lost(self, how: Impairments) -> bool:
        throw = self.dice.random()
        if how.burst <= 1:
            return throw < how.loss
        recover = 1 / how.burst
        fail = recover * how.loss / max(1 - how.loss, 1e-9)
        self.bad = throw >= recover if self.bad else throw < fail
        return self.bad


class Channel:
    """One direction of a path.

    Args:
        how: what it does to packets.
        seed: of the dice. Each kind of packet has its own, so that the n-th packet of media meets the same fate
            in each run, however many checks and reports pass beside it.
        began: seconds, on the clock that `carry` is told.
    """

    def __init__(self, how: Impairments, seed: str, began: float) -> None:
        self.how = how
        self._began = began
        self._chances = {kind: _Chance(random.Random(f"{seed}/{kind}")) for kind in Kind}  # noqa: S311
        self._free_at = began  # when the bottleneck has sent what it holds
        self._last_at = began  # nothing overtakes by jitter alone

    def carry(self, now: float, packet: bytes) -> Passage:
        """Take a packet at `now`; says when it comes out at the other end, and as what."""
        how = self.how
        chance = self._chances[kind_of(packet)]
        lost = chance.lost(how)
        jitter, reorder, duplicate, corrupt, where = (chance.dice.random() for _ in range(5))
        if any(start <= now - self._began < end for start, end in how.blackouts):
            return Passage("blackout")
        if how.mtu and len(packet) + _IP_AND_UDP > how.mtu:
            return Passage("too long")
        if lost:
            return Passage("lost")
        at = self._through_bottleneck(now, len(packet))
        if at is None:
            return Passage("queue full")
        at += (how.delay_ms + how.jitter_ms * _exponential(jitter)) / 1000
        if reorder < how.reorder:
            fate, at = "reordered", at + _HELD_BACK_MS / 1000
        else:
            fate, at = "passed", max(at, self._last_at)
            self._last_at = at
        if corrupt < how.corrupt:
            fate, packet = "corrupted", _flip(packet, where)
        if duplicate < how.duplicate:
            return Passage("duplicated", ((at, packet), (at + 0.001, packet)))
        return Passage(fate, ((at, packet),))

    def _through_bottleneck(self, now: float, size: int) -> float | None:
        if not self.how.rate_kbit:
            return now
        start = max(now, self._free_at)
        if (start - now) * 1000 > self.how.queue_ms:
            return None
        self._free_at = start + (size + _IP_AND_UDP) * 8 / (self.how.rate_kbit * 1000)
        return self._free_at


def _exponential(throw: float) -> float:
    """From a throw of [0, 1) to an exponential of mean 1, cut at 5: one packet in 150 would wait longer."""
    return min(-math.log(1 - throw), 5.0)


def _flip(packet: bytes, where: float) -> bytes:
    bit = int(where * len(packet) * 8)
    return packet[: bit // 8] + bytes([packet[bit // 8] ^ (1 << bit % 8)]) + packet[bit // 8 + 1 :]
