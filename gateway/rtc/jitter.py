"""Playout buffer of a device's voice: pure, event-driven, fed with RTP and a clock.

A sound card pulls at a fixed rate, so a classic buffer (NetEQ, say) delays every packet by what the slowest
may need. A pipeline has no such clock. So a packet that is next in order is handed on at once, at no delay,
and only what is *missing* waits, in one of two ways:

- A gap: a later packet is here. On a LAN the missing one is lost, so the gap is concealed at once, its last
  frame from the FEC in the later packet. Where packets are seen to arrive out of order, that wait rises to
  how late they come, at most 60 ms, and falls again.
- Starvation: nothing is here. When the next packet is overdue by the wait, fill goes out for every 20 ms, so
  that VAD and STT see time pass. The wait is one packet (the next may bring FEC) plus the peak of lateness
  (`rtc.arrival`), 200 ms at most. NetEQ takes a quantile instead of the peak, because there each millisecond
  delays every packet; here it delays nothing but the fill. While packets bring older ones along (RED), the wait
  is longer by as much as they reach back, and no longer than that.

A packet that comes after its time was filled is still the user's words, so it is used as long as nothing
behind it went out. Once the packets have caught up, the audio is ahead of time by the fill (`ahead_samples`):
the consumer drops as much where it is quiet, and says so with `repay`.

The clock of the sender is tracked as the least delay of the last 1-2 s (NetEQ's window too), so drift and a
changed route need no insertion: frames come at the sender's own pace. The sender's silence (DTX: the
timestamp jumps, the sequence number doesn't) is concealed like a loss, which gives the decoder's comfort
noise, but isn't counted as one.

RTP time is at 48 kHz whatever the audio (RFC 7587 §4.1); other times are seconds of one monotonic clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from gateway.rtc.arrival import Arrivals

CLOCK_RATE: Final = 48_000
_TICKS_PER_SAMPLE: Final = 3  # RTP ticks in a sample of 16 kHz
_FRAME: Final = 960  # ticks: 20 ms, the step of concealment
_OPUS_STEP: Final = 120  # ticks: Opus conceals in multiples of 2.5 ms

_MAX_DROPOUT: Final = 3000  # packets: what lies further ahead or behind is another stream (RFC 3550 §A.1)
_MAX_MISORDER: Final = 100
_CAPACITY: Final = 64  # packets held behind a gap
_MAX_GAP: Final = CLOCK_RATE // 2  # ticks: a longer one that wasn't waited through is a changed clock

_WAIT_MAX: Final = 0.200  # stop_secs of the VAD: a longer hole would hold up the end of a turn
_REST: Final = (
    0.300  # of fill at once where nobody listens: less than lies between two comfort packets (Opus: 400 ms)
)
_OWN_STALL: Final = 0.100  # a deadline missed by more is our fault, not the network's
_PAUSE: Final = CLOCK_RATE  # ticks: a sender late by more had stopped its clock
_OLD_SSRC_GRACE: Final = 2.0


class AudioPacket(NamedTuple):
    """One RTP packet; `timestamp`, `duration`: 48 kHz ticks; `fec`: it can restore its predecessor."""

    ssrc: int
    seq: int
    timestamp: int
    duration: int
    payload: bytes
    fec: bool = False


class Packet(NamedTuple):
    """Decode this."""

    payload: bytes


class Fec(NamedTuple):
    """Restore the `samples` (of 16 kHz) before `payload` from the redundancy in it; it follows."""

    payload: bytes
    samples: int


class Conceal(NamedTuple):
    """Extrapolate `samples` (of 16 kHz); `run` samples were concealed just before, for fading out."""

    samples: int
    run: int


Playout = Packet | Fec | Conceal


@dataclass(frozen=True, slots=True)
class JitterStats:
    """Counts are packets since the start, except `concealed` and `filled`: frames of 20 ms.

    `lost`: given up, or restored from others; `late`: came after that, useless; `overdue`: came after its time had
    been filled, used; `fec_recovered`, `red_recovered`: of those lost; `concealed`: by extrapolation, in gaps;
    `filled`: while nothing came; `delay_ms`: how long the last packet was held; `target_ms`: how overdue a packet may
    be before fill starts; `jitter_ms`: RFC 3550 §6.4.1.
    """

    received: int = 0
    lost: int = 0
    late: int = 0
    overdue: int = 0
    duplicated: int = 0
    restarts: int = 0
    fec_recovered: int = 0
    red_recovered: int = 0
    concealed: int = 0
    filled: int = 0
    ahead_ms: float = 0.0
    delay_ms: float = 0.0
    target_ms: float = 0.0
    reorder_ms: float = 0.0
    jitter_ms: float = 0.0


class JitterBuffer:
    """Says what to play of what arrives: `push` a packet, then `poll`; `poll` at `deadline` too."""

    def __init__(self) -> None:
        self._stream: _Stream | None = None
        self._previous: tuple[int, float] | None = (
            None  # the SSRC replaced, until when its stragglers count late
        )
        self._suspect: AudioPacket | None = None
        self._counts: Counter[str] = Counter()

    def push(self, packet: AudioPacket, now: float, older: Sequence[AudioPacket] = ()) -> None:
        """Take a packet that arrived at `now`. Out-of-range fields are read modulo 2**16 and 2**32.

        `older`: copies of those before it, newest first (RED); they count only where the packet itself does.
        """
        self._counts["received"] += 1
        stream = self._stream
        if stream is None:
            self._start(packet, now)
        elif packet.ssrc != stream.ssrc:
            self._switch(stream, packet, now)
        elif -_MAX_MISORDER <= (ahead := stream.offset(packet.seq)) <= _MAX_DROPOUT:
            self._suspect = None
            stream.accept(packet, ahead, now)
            stream.restore(older, now)
        else:
            self._suspect_restart(packet, now)

    def poll(self, now: float) -> list[Playout]:
        """What comes next in the audio and is due by `now`, in order; mostly nothing or one packet."""
        return self._stream.poll(now) if self._stream else []

    @property
    def deadline(self) -> float | None:
        """When to `poll` next if nothing arrives; None before the first packet."""
        return self._stream.deadline if self._stream else None

    def rest(self, resting: bool) -> None:
        """Whether nobody need hear in steps of 20 ms just now that nothing comes."""
        if self._stream:
            self._stream.resting = resting

    @property
    def position(self) -> int | None:
        """The sender's RTP time at the end of what `poll` gave; None before the first packet."""
        return self._stream.position if self._stream else None

    @property
    def ahead_samples(self) -> int:
        """How many samples of 16 kHz were handed on too many: drop as much where it is quiet."""
        return self._stream.ahead // _TICKS_PER_SAMPLE if self._stream else 0

    def repay(self, samples: int) -> None:
        """The consumer dropped `samples` (of 16 kHz)."""
        if self._stream:
            self._stream.filled = max(0, self._stream.filled - samples * _TICKS_PER_SAMPLE)

    @property
    def stats(self) -> JitterStats:
        """A snapshot."""
        return self._stream.stats() if self._stream else JitterStats()

    def _start(self, packet: AudioPacket, now: float) -> None:
        self._suspect = None
        self._stream = _Stream(packet, now, self._counts)

    def _switch(self, stream: _Stream, packet: AudioPacket, now: float) -> None:
        if self._previous is not None and self._previous[0] == packet.ssrc and now < self._previous[1]:
            self._counts["late"] += 1
            return
        self._previous = (stream.ssrc, now + _OLD_SSRC_GRACE)
        self._counts["restarts"] += 1
        self._start(packet, now)

    def _suspect_restart(self, packet: AudioPacket, now: float) -> None:
        """A stray packet changes nothing; two in sequence are a sender that started anew (RFC 3550 §A.1)."""
        suspect = self._suspect
        if suspect is None or (packet.seq - suspect.seq) & 0xFFFF != 1:
            self._suspect = packet
            return
        self._counts["restarts"] += 1
        self._start(suspect, now)
        self.push(packet, now)
        self._counts["received"] -= 1  # was counted on entry


class _Held(NamedTuple):
    packet: AudioPacket
    timestamp: int  # unwrapped
    arrival: float

    @property
    def delay(self) -> float:
        return self.arrival - (self.timestamp + self.packet.duration) / CLOCK_RATE


class _Stream:
    """One SSRC between two restarts. Sequence numbers and timestamps are unwrapped here."""

    def __init__(self, packet: AudioPacket, now: float, counts: Counter[str]) -> None:
        self.ssrc = packet.ssrc
        self.filled = 0  # ticks handed on beyond `_next_timestamp`
        self.resting = False
        self._counts = counts
        self._next_seq = packet.seq
        self._next_timestamp = packet.timestamp
        self._duration = packet.duration
        self._played = 0  # bit n: `_next_seq - 1 - n` was played
        self._held: dict[int, _Held] = {}
        self._reach = 0  # ticks that the last packet reaches back
        self._gap_since = now  # a packet is here whose predecessor isn't
        self._lost_since = now  # the same, of the last gap that was given up
        self._run = 0  # samples concealed since the last packet
        self._hold = 0.0  # how long the last packet was held
        self._arrivals = Arrivals(now - (packet.timestamp + packet.duration) / CLOCK_RATE, now)
        self.accept(packet, 0, now)

    @property
    def ahead(self) -> int:
        """Ticks handed on too many: the fill, less what the sender still lags behind."""
        if self._run or not self.filled:
            return 0
        return max(0, self.filled - round((self._arrivals.delay - self._arrivals.least) * CLOCK_RATE))

    @property
    def position(self) -> int:
        """The end of the last packet, and of what was filled in after it."""
        return self._next_timestamp + (self.filled if self._run else 0)

    def offset(self, seq: int) -> int:
        """How far `seq` lies ahead of the next one expected, across the wrap."""
        return (seq - self._next_seq + 2**15) % 2**16 - 2**15

    def accept(self, packet: AudioPacket, ahead: int, now: float) -> None:
        """Take a packet that is so far ahead of the next one expected."""
        seq = self._next_seq + ahead
        if seq in self._held or (seq < self._next_seq and self._played >> (self._next_seq - 1 - seq) & 1):
            self._counts["duplicated"] += 1
        elif seq < self._next_seq:
            self._counts["late"] += 1
            self._arrivals.saw_reordering(now - self._lost_since)
        else:
            self._hold_packet(seq, packet, now)

    def restore(self, older: Sequence[AudioPacket], now: float) -> None:
        """Take of the copies that came with a packet what has not come and is still of use."""
        self._reach = sum(copy.duration for copy in older) if older else 0
        for copy in older:
            seq = self._next_seq + self.offset(copy.seq)
            if seq >= self._next_seq and seq not in self._held:
                self._held[seq] = self._unwrapped(copy, now)
                self._counts["lost"] += 1
                self._counts["red_recovered"] += 1

    def _unwrapped(self, packet: AudioPacket, now: float) -> _Held:
        ahead = (packet.timestamp - self._next_timestamp + 2**31) % 2**32 - 2**31
        return _Held(packet, self._next_timestamp + ahead, now)

    def _hold_packet(self, seq: int, packet: AudioPacket, now: float) -> None:
        held = self._unwrapped(packet, now)
        if not self._held:
            self._gap_since = now
        elif seq == self._next_seq:
            self._arrivals.saw_reordering(now - self._gap_since)
        self._held[seq] = held
        self._measure(held, now)

    def _measure(self, held: _Held, now: float) -> None:
        risen = self._arrivals.observe(held.delay, held.packet.duration / CLOCK_RATE, now)
        if risen > 0:  # what looked like lateness was the sender's clock
            self.filled = max(0, self.filled - round(risen * CLOCK_RATE))

    def poll(self, now: float) -> list[Playout]:
        out: list[Playout] = []
        while self._held:
            seq = self._next_seq if self._next_seq in self._held else min(self._held)
            if (
                seq != self._next_seq
                and now < self._gap_since + self._arrivals.reordering
                and len(self._held) < _CAPACITY
            ):
                return out
            self._emit(seq, now, out)
            self._gap_since = min(held.arrival for held in self._held.values()) if self._held else now
        self._starve(now, out)
        return out

    @property
    def deadline(self) -> float:
        return self._gap_since + self._arrivals.reordering if self._held else self._wakes

    @property
    def _wait(self) -> float:
        return min(self._arrivals.lateness + (self._duration + self._reach) / CLOCK_RATE, _WAIT_MAX)

    @property
    def _due(self) -> float:
        media = self._next_timestamp + self.filled + self._duration
        return self._arrivals.least + media / CLOCK_RATE + self._wait

    @property
    def _wakes(self) -> float:
        return self._due + _REST - _FRAME / CLOCK_RATE if self.resting else self._due

    def _starve(self, now: float, out: list[Playout]) -> None:
        if now < self._due:
            return
        missed = now - self._wakes
        if missed > _OWN_STALL:
            self._arrivals.shift(missed + _FRAME / CLOCK_RATE)  # what came meanwhile is still in the socket
        while self._due <= now:
            self._conceal(_FRAME, out)
            self.filled += _FRAME
            self._counts["filled"] += 1

    def _emit(self, seq: int, now: float, out: list[Playout]) -> None:
        held, lost = self._held.pop(seq), seq - self._next_seq
        if lost:
            self._counts["lost"] += lost
            self._lost_since = self._gap_since
        gap = held.timestamp - self._next_timestamp
        starved = self._run > 0
        if gap < 0 or gap - self.filled > _MAX_GAP or self.filled - gap > _PAUSE:
            self._arrivals.anchor(held.delay, now)
            self.filled = 0
        else:
            self._bridge(gap - self.filled, held.packet if lost else None, out)
            self.filled = max(0, self.filled - gap)
            self._counts["overdue"] += starved and self.filled > 0
        out.append(Packet(held.packet.payload))
        self._advance(seq, held)
        self._hold = now - held.arrival

    def _advance(self, seq: int, held: _Held) -> None:
        self._played = (self._played << seq + 1 - self._next_seq | 1) & (1 << _MAX_MISORDER) - 1
        self._next_seq = seq + 1
        self._next_timestamp = held.timestamp + held.packet.duration
        self._duration = held.packet.duration
        self._run = 0

    def _bridge(self, gap: int, behind: AudioPacket | None, out: list[Playout]) -> None:
        """Cover `gap` ticks; `behind` is the packet that follows a loss, None where the sender was silent."""
        gap -= gap % _OPUS_STEP
        restored = min(gap, behind.duration) if behind and behind.fec else 0
        while gap > restored:
            step = min(gap - restored, _FRAME)
            self._conceal(step, out)
            self._counts["concealed"] += behind is not None
            gap -= step
        if behind and gap > 0:
            out.append(Fec(behind.payload, gap // _TICKS_PER_SAMPLE))
            self._counts["fec_recovered"] += 1

    def _conceal(self, ticks: int, out: list[Playout]) -> None:
        samples = ticks // _TICKS_PER_SAMPLE
        out.append(Conceal(samples, self._run))
        self._run += samples

    def stats(self) -> JitterStats:
        return JitterStats(
            **self._counts,
            ahead_ms=self.ahead / CLOCK_RATE * 1000,
            delay_ms=self._hold * 1000,
            target_ms=self._wait * 1000,
            reorder_ms=self._arrivals.reordering * 1000,
            jitter_ms=self._arrivals.jitter * 1000,
        )
