"""Paces what a bot says into one packet every 20 ms: pure, driven by a monotonic clock handed in.

- Never a burst: after a stall (the process slept, the loop blocked) the schedule is skipped forward and the
  timestamp with it, so media time keeps pace with time. What was queued meanwhile would be late for as long as somebody
  speaks, and all behind it: as much is taken out (`rtc.lateness`).
- Silence is sent as silence: a steady stream keeps a client's buffer simple, and costs 9 bytes a packet. With
  `send_silence=False` it is sent for 200 ms, so that a decoder settles on it, and then nothing is sent and nothing
  is due; the timestamp still advances, and the first packet after it carries the marker (RFC 3551 §4.1, RFC 7587
  §3.1.3).
- Speech that begins while silence is sent goes out at once, not at the next tick, up to 20 ms later; the
  silence after it gives that back, 1 ms a packet. A frame that comes a little late is waited for, up to
  10 ms, and the schedule follows it: so the pacer locks onto a live source (an echo, a bridge) and neither
  breaks it up with silence nor needs a queue. Where every frame of a second was there earlier than it had to be, the
  schedule comes back, 1 ms a packet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from gateway.rtc.lateness import Lateness

SAMPLE_RATE: Final = 16_000
FRAME_BYTES: Final = 640
PERIOD: Final = 0.020
_TICKS: Final = 960  # of the 48 kHz RTP clock (RFC 7587 §4.1) in a packet
_BYTES_PER_MS: Final = 2 * SAMPLE_RATE / 1000

_MIN_INTERVAL: Final = 0.005  # between two packets, when speech begins
_MAX_AHEAD: Final = 0.020  # how far packets may run ahead of time
_GIVE_BACK: Final = 0.001  # per packet of silence
_HOLD: Final = 0.010  # how long a late frame is waited for
_SETTLE: Final = 10  # packets of silence before nothing is sent
_LOOK: Final = 50  # packets, of all of which the frames were early
_SPARE: Final = 0.002  # by which they still may be
_SILENCE: Final = bytes(FRAME_BYTES)


class Outgoing(NamedTuple):
    """To encode and send: 640 bytes of PCM, RTP timestamp and marker; `silent`: nothing was queued."""

    pcm: bytes
    timestamp: int
    marker: bool
    silent: bool


@dataclass(frozen=True, slots=True)
class PacerStats:
    """Milliseconds of audio, and packets so far; `held`: waited for."""

    queued_ms: float
    dropped_ms: float
    skipped_ms: int
    sent: int
    silent: int
    held: int


class Pacer:
    """A bounded queue of 16 kHz mono 16-bit PCM on one end, a packet every 20 ms on the other.

    Call `next_packet` at `deadline`, which `push` may bring forward. All times are seconds of one monotonic
    clock; `capacity` is in seconds of audio, `timestamp` the first packet's (RFC 3550 §5.1 wants it random).
    """

    def __init__(
        self, now: float, *, timestamp: int = 0, capacity: float = 5.0, send_silence: bool = True
    ) -> None:
        self._queue = bytearray()
        self._capacity = int(capacity * SAMPLE_RATE) * 2
        self._send_silence = send_silence
        self._silence_left = _SETTLE
        self._timestamp = timestamp
        self._due = now
        self._sent_at = now - PERIOD
        self._ready_at = now  # when the frame at the head was complete
        self._ahead = 0.0  # seconds that packets run ahead of the first schedule
        self._talking = self._marker = False
        self._partial = 0
        self._lateness = Lateness()
        self._seen, self._early = (
            0,
            math.inf,
        )  # packets of the last second, and by how much their frames were early
        self._back = 0.0  # seconds by which the schedule is to come back
        self._dropped = self._skipped = self._sent = self._silent = self._held = 0

    def push(self, pcm: bytes, now: float) -> int:
        """Queue whole samples; gives how many bytes found room."""
        room = self._capacity - len(self._queue)
        was_short = len(self._queue) < FRAME_BYTES
        if self._rests and not self._queue:
            self._wake(now)
        self._queue += pcm[:room]
        if was_short and len(self._queue) >= FRAME_BYTES:
            self._ready_at = now
            if not self._talking:
                self._begin(now)
        return min(len(pcm), room)

    def clear(self) -> float:
        """Barge-in: what is queued is dropped, the next packet is silence. Gives the milliseconds dropped."""
        dropped = len(self._queue) / _BYTES_PER_MS
        self._dropped += len(self._queue)
        self._queue.clear()
        self._lateness.forget()
        self._talking, self._partial = False, 0
        return dropped

    @property
    def deadline(self) -> float:
        """When `next_packet` has something to do; infinity where that is up to the next `push`."""
        if self._rests and not self._queue:
            return math.inf
        waiting = self._talking and len(self._queue) < FRAME_BYTES
        return self._due + _HOLD if waiting else self._due

    @property
    def queued_ms(self) -> float:
        """How much audio waits, in milliseconds."""
        return len(self._queue) / _BYTES_PER_MS

    def next_packet(self, now: float) -> Outgoing | None:
        """The packet due by `now`, at most one; None before `deadline`."""
        if now < self.deadline:
            return None
        talked = self._talking
        if talked and len(self._queue) < FRAME_BYTES:
            self._shift(_HOLD)
        self._dropped += self._lateness.cut(self._queue, now)
        pcm = self._take()
        self._talking = bool(pcm)
        self._follow_source(pcm)
        self._skip_stall(now, talked=talked)
        packet = self._packet(pcm)
        self._marker = False
        self._silence_left = _SETTLE if pcm else self._silence_left - 1
        self._advance(now, silent=not pcm)
        return packet

    @property
    def stats(self) -> PacerStats:
        """A snapshot."""
        return PacerStats(
            queued_ms=self.queued_ms,
            dropped_ms=self._dropped / _BYTES_PER_MS,
            skipped_ms=self._skipped * int(PERIOD * 1000),
            sent=self._sent,
            silent=self._silent,
            held=self._held,
        )

    @property
    def _rests(self) -> bool:
        return self._silence_left <= 0 and not self._send_silence

    def _wake(self, now: float) -> None:
        """After a rest media time is where time is."""
        periods = max(0, int((now - self._due) / PERIOD))
        self._due += periods * PERIOD
        self._timestamp += periods * _TICKS
        self._marker = True

    def _begin(self, now: float) -> None:
        earliest = max(now, self._sent_at + _MIN_INTERVAL)
        self._shift(-max(0.0, min(self._due - earliest, _MAX_AHEAD - self._ahead)))

    def _take(self) -> bytes:
        """The next frame; empty for silence. Less than a frame is padded when nothing more comes."""
        size = min(len(self._queue), FRAME_BYTES)
        if size < FRAME_BYTES and not self._talking and size != self._partial:
            self._partial = size
            return b""
        pcm = bytes(self._queue[:size])
        del self._queue[:size]
        self._partial = 0
        return pcm.ljust(FRAME_BYTES, b"\0") if pcm else b""

    def _follow_source(self, pcm: bytes) -> None:
        if not pcm or len(self._queue) >= FRAME_BYTES:  # it is none, or ahead of what is played, or behind
            self._seen, self._early, self._back = 0, math.inf, 0.0
        if not pcm:
            return
        late = self._ready_at - self._due
        if 0 < late <= _HOLD:
            self._shift(late)
            self._held += 1
        self._seen, self._early = self._seen + 1, min(self._early, -late)
        if self._seen == _LOOK:
            self._back = max(0.0, min(self._early - _SPARE, _MAX_AHEAD - self._ahead))
            self._seen, self._early = 0, math.inf

    def _shift(self, seconds: float) -> None:
        self._due += seconds
        self._ahead -= seconds

    def _skip_stall(self, now: float, *, talked: bool) -> None:
        periods = int((now - self._due) / PERIOD)
        if periods > 0:
            if talked:
                self._lateness.stalled((periods + (not self._talking)) * FRAME_BYTES, now)
            self._due += periods * PERIOD
            self._timestamp += periods * _TICKS
            self._skipped += periods
            self._marker = True

    def _packet(self, pcm: bytes) -> Outgoing:
        self._sent += 1
        self._silent += not pcm
        return Outgoing(pcm or _SILENCE, self._timestamp & 0xFFFFFFFF, self._marker, not pcm)

    def _advance(self, now: float, *, silent: bool) -> None:
        if silent:
            self._shift(min(max(self._ahead, -_GIVE_BACK), _GIVE_BACK))
        elif self._back > 0:
            self._shift(-(step := min(self._back, _GIVE_BACK)))
            self._back -= step
        self._due += PERIOD
        self._timestamp += _TICKS
        self._sent_at = now
