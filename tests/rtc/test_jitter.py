from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rtc.jitter import CLOCK_RATE, AudioPacket, Conceal, Fec, JitterBuffer, Packet, Playout

TICKS = 960


def rtp(index: int, *, seq: int = 100, timestamp: int = 5000, ssrc: int = 6, ms: int = 20) -> AudioPacket:
    """The `index`th packet of a steady sender; its payload is its index."""
    duration = ms * CLOCK_RATE // 1000
    return AudioPacket(
        ssrc,
        (seq + index) & 0xFFFF,
        (timestamp + index * duration) & 0xFFFFFFFF,
        duration,
        str(index).encode(),
        fec=True,
    )


@dataclass
class Listener:
    """Drives a buffer as an event loop would, and notes what comes out when."""

    buffer: JitterBuffer = field(default_factory=JitterBuffer)
    heard: list[tuple[float, Playout]] = field(default_factory=list)

    def run_until(self, now: float) -> None:
        while self.buffer.deadline is not None and self.buffer.deadline < now:
            self._poll(self.buffer.deadline)

    def arrive(self, packet: AudioPacket, now: float, older: Sequence[AudioPacket] = ()) -> list[Playout]:
        self.run_until(now)
        self.buffer.push(packet, now, older)
        return self._poll(now)

    def play(self, trace: Iterable[tuple[float, AudioPacket]]) -> Listener:
        for arrival, packet in trace:
            self.arrive(packet, arrival)
        return self

    def _poll(self, now: float) -> list[Playout]:
        out = self.buffer.poll(now)
        self.heard += [(now, playout) for playout in out]
        return out

    @property
    def indices(self) -> list[int]:
        return [int(playout.payload) for _, playout in self.heard if isinstance(playout, Packet)]

    def seconds(self, packet_ms: int = 20) -> float:
        lengths = (p.samples if not isinstance(p, Packet) else 16 * packet_ms for _, p in self.heard)
        return sum(lengths) / 16_000


def steady(indices: Iterable[int], *, ms: int = 20) -> list[tuple[float, AudioPacket]]:
    return [(index * ms / 1000, rtp(index, ms=ms)) for index in indices]


def without(count: int, *missing: int) -> list[int]:
    return [index for index in range(count) if index not in missing]


def test_nothing_is_due_before_the_first_packet() -> None:
    buffer = JitterBuffer()
    assert buffer.deadline is None
    assert buffer.poll(100.0) == []


def test_the_first_packet_plays_at_once() -> None:
    assert Listener().arrive(rtp(0), 0.0) == [Packet(b"0")]


def test_packets_in_order_play_as_they_arrive() -> None:
    listener = Listener().play(steady(range(5)))
    assert listener.heard == [(index * 0.02, Packet(str(index).encode())) for index in range(5)]


def test_a_lost_packet_is_restored_from_the_next_as_soon_as_that_is_here() -> None:
    listener = Listener().play(steady(without(3, 1)))
    assert listener.heard[1:] == [(0.04, Fec(b"2", 320)), (0.04, Packet(b"2"))]


def test_a_lost_packet_is_concealed_where_the_next_has_no_redundancy() -> None:
    listener = Listener().play(steady([0]))
    packet = rtp(2)
    bare = AudioPacket(packet.ssrc, packet.seq, packet.timestamp, packet.duration, packet.payload)
    assert listener.arrive(bare, 0.04) == [Conceal(320, 0), Packet(b"2")]


def test_of_several_lost_packets_only_the_last_is_restored() -> None:
    listener = Listener().play(steady(without(4, 1, 2)))
    assert [playout for _, playout in listener.heard[1:]] == [Conceal(320, 0), Fec(b"3", 320), Packet(b"3")]


def with_older(index: int, count: int = 2) -> tuple[AudioPacket, list[AudioPacket]]:
    """A packet that brings those before it along (RED)."""
    return rtp(index), [rtp(index - back) for back in range(1, count + 1)]


def test_three_lost_in_a_row_are_all_restored_where_the_next_brings_two_along() -> None:
    listener = Listener().play(steady(range(9)))
    packet, older = with_older(9)
    listener.arrive(packet, 0.18, older)
    packet, older = with_older(13)
    heard = listener.arrive(packet, 0.26, older)
    assert heard == [Fec(b"11", 320), Packet(b"11"), Packet(b"12"), Packet(b"13")]
    assert listener.buffer.stats.filled == listener.buffer.stats.concealed == 0
    assert (listener.buffer.stats.lost, listener.buffer.stats.red_recovered) == (3, 2)
    assert listener.seconds() == pytest.approx(14 * 0.02)


def test_what_is_brought_along_again_costs_nothing() -> None:
    plain, redundant = Listener(), Listener()
    for index in range(50):
        plain.arrive(rtp(index), index * 0.02)
        packet, older = with_older(index)
        redundant.arrive(packet, index * 0.02, older)
    assert redundant.heard == plain.heard
    assert redundant.buffer.stats.duplicated == redundant.buffer.stats.lost == 0
    assert redundant.buffer.stats.jitter_ms == pytest.approx(plain.buffer.stats.jitter_ms)


def test_one_that_came_after_all_is_a_duplicate() -> None:
    listener = Listener().play(steady(range(3)))
    packet, older = with_older(4)
    listener.arrive(packet, 0.08, older)
    assert listener.arrive(rtp(3), 0.085) == []
    assert listener.indices == [0, 1, 2, 3, 4]
    assert listener.buffer.stats.duplicated == 1


def test_the_wait_is_longer_by_what_redundancy_can_bring_and_only_while_it_comes() -> None:
    listener = Listener().play(steady(range(10)))
    before = listener.buffer.stats.target_ms
    packet, older = with_older(10)
    listener.arrive(packet, 0.2, older)
    assert listener.buffer.stats.target_ms == pytest.approx(before + 40)
    listener.arrive(rtp(11), 0.22)
    assert listener.buffer.stats.target_ms == pytest.approx(before)


def test_copies_behind_a_stray_packet_change_nothing() -> None:
    listener = Listener().play(steady(range(5)))
    packet, older = rtp(0, seq=40_000), [rtp(7)]
    listener.arrive(packet, 0.1, older)
    assert listener.arrive(rtp(5), 0.1) == [Packet(b"5")]


def test_when_nothing_arrives_time_still_passes() -> None:
    listener = Listener().play(steady([0]))
    listener.run_until(1.0)
    assert 0.9 < listener.seconds() <= 1.0
    assert [playout for _, playout in listener.heard[1:4]] == [
        Conceal(320, 0),
        Conceal(320, 320),
        Conceal(320, 640),
    ]


def test_fill_starts_only_once_the_packet_behind_is_overdue_too() -> None:
    listener = Listener().play(steady(range(3)))
    listener.run_until(1.0)
    assert listener.heard[3][0] == pytest.approx(0.06 + listener.buffer.stats.target_ms / 1000)


def test_fill_counts_towards_the_loss_that_it_covered() -> None:
    listener = Listener().play(steady(without(20, *range(5, 15))))
    assert listener.seconds() == pytest.approx(20 * 0.02)


def test_a_packet_that_comes_after_its_fill_is_still_used() -> None:
    listener = Listener().play(steady([0]))
    assert listener.arrive(rtp(1), 0.2)[-1] == Packet(b"1")
    assert listener.buffer.stats.overdue == 1


def test_once_late_packets_caught_up_their_fill_is_owed_until_repaid() -> None:
    listener = Listener().play([(0.0, rtp(0)), *((0.2, rtp(index)) for index in range(1, 11))])
    owed = listener.buffer.ahead_samples
    listener.buffer.repay(320)
    assert owed >= 640
    assert listener.buffer.ahead_samples == owed - 320


def test_nothing_is_owed_while_packets_keep_coming_late() -> None:
    listener = Listener().play([(0.0, rtp(0)), *((0.2 + index * 0.02, rtp(index)) for index in range(1, 11))])
    assert listener.buffer.ahead_samples == 0


def test_lateness_raises_the_wait() -> None:
    listener = Listener().play(steady(range(10)))
    before = listener.buffer.stats.target_ms
    listener.arrive(rtp(10), 0.2 + 0.1)
    assert listener.buffer.stats.target_ms >= before + 70


def test_the_wait_falls_again_on_a_steady_link() -> None:
    listener = Listener().play([*steady(range(10)), (0.3, rtp(10))])
    peak = listener.buffer.stats.target_ms
    listener.play(steady(range(15, 15 + 50 * 30)))
    assert listener.buffer.stats.target_ms < peak - 50


def test_the_wait_is_bounded() -> None:
    listener = Listener().play([*steady(range(10)), (2.0, rtp(10))])
    assert listener.buffer.stats.target_ms <= 200


def test_a_duplicate_is_played_once() -> None:
    listener = Listener().play([(0.0, rtp(0)), (0.02, rtp(1)), (0.021, rtp(1)), (0.03, rtp(0))])
    assert listener.indices == [0, 1]
    assert listener.buffer.stats.duplicated == 2


def test_a_duplicate_behind_a_gap_is_held_once() -> None:
    listener = Listener()
    listener.play([(0.0, rtp(0)), (0.04, rtp(2)), (0.05, rtp(1)), (0.08, rtp(4)), (0.081, rtp(4))])
    assert listener.buffer.stats.duplicated == 1


def test_a_packet_behind_one_that_was_played_is_late() -> None:
    listener = Listener().play([(0.0, rtp(0)), (0.04, rtp(2)), (0.05, rtp(1))])
    assert listener.indices == [0, 2]
    assert (listener.buffer.stats.lost, listener.buffer.stats.late) == (1, 1)


def test_once_packets_came_out_of_order_a_gap_waits_for_the_missing_one() -> None:
    listener = Listener().play([(0.0, rtp(0)), (0.04, rtp(2)), (0.05, rtp(1))])
    listener.play([(0.06, rtp(3)), (0.1, rtp(5)), (0.105, rtp(4)), (0.12, rtp(6))])
    assert listener.indices == [0, 2, 3, 4, 5, 6]


def test_a_held_packet_plays_when_the_wait_for_the_missing_one_is_over() -> None:
    listener = Listener().play([(0.0, rtp(0)), (0.04, rtp(2)), (0.05, rtp(1)), (0.06, rtp(3)), (0.1, rtp(5))])
    listener.run_until(0.12)
    when, last = listener.heard[-1]
    assert last == Packet(b"5")
    assert when == pytest.approx(0.115, abs=0.001)


def test_sequence_numbers_wrap() -> None:
    listener = Listener()
    listener.play((index * 0.02, rtp(index, seq=65_533)) for index in range(8) if index != 4)
    assert listener.indices == without(8, 4)
    assert listener.buffer.stats.lost == 1


def test_timestamps_wrap() -> None:
    listener = Listener()
    listener.play((index * 0.02, rtp(index, timestamp=2**32 - 2500)) for index in range(8) if index != 3)
    assert listener.seconds() == pytest.approx(0.16)


@pytest.mark.parametrize("ms", [10, 40, 60, 120])
def test_packets_of_other_durations_keep_time(ms: int) -> None:
    listener = Listener().play(steady(without(100, 7, 20, 21), ms=ms))
    assert listener.seconds(ms) == pytest.approx(100 * ms / 1000)


def test_a_timestamp_jump_without_a_sequence_gap_is_silence_not_loss() -> None:
    listener = Listener().play(steady(range(5)))
    resumed = AudioPacket(6, rtp(5).seq, rtp(30).timestamp, TICKS, b"5", fec=True)
    listener.arrive(resumed, 0.6)
    assert listener.buffer.stats.lost == 0
    assert not any(isinstance(playout, Fec) for _, playout in listener.heard)
    assert listener.seconds() == pytest.approx(31 * 0.02)


def test_a_sender_whose_clock_stopped_while_muted_plays_at_once_again() -> None:
    listener = Listener().play(steady(range(5)))
    listener.play((10.0 + index * 0.02, rtp(index)) for index in range(5, 10))
    assert listener.indices == list(range(10))
    assert listener.buffer.ahead_samples == 0


def test_a_new_ssrc_starts_a_new_stream() -> None:
    listener = Listener().play(steady(range(5)))
    assert listener.arrive(rtp(0, ssrc=7, seq=9, timestamp=77), 0.1) == [Packet(b"0")]
    assert listener.buffer.stats.restarts == 1


def test_a_straggler_of_the_old_ssrc_does_not_switch_back() -> None:
    listener = Listener().play(steady(range(5)))
    listener.arrive(rtp(0, ssrc=7), 0.1)
    assert listener.arrive(rtp(5), 0.11) == []
    assert listener.arrive(rtp(1, ssrc=7), 0.12) == [Packet(b"1")]


def test_a_stray_sequence_number_changes_nothing() -> None:
    listener = Listener().play(steady(range(5)))
    listener.arrive(rtp(0, seq=40_000), 0.1)
    assert listener.arrive(rtp(5), 0.1) == [Packet(b"5")]
    assert listener.buffer.stats.restarts == 0


def test_two_packets_in_a_row_from_elsewhere_are_a_restart() -> None:
    listener = Listener().play(steady(range(5)))
    listener.arrive(rtp(0, seq=40_000, timestamp=9), 0.1)
    assert listener.arrive(rtp(1, seq=40_000, timestamp=9), 0.12) == [Packet(b"0"), Packet(b"1")]
    assert listener.buffer.stats.received == 7


@pytest.mark.parametrize("jump", [-(10**6), 10**6])
def test_a_changed_media_clock_is_followed(jump: int) -> None:
    listener = Listener().play(steady(range(5)))
    listener.play((index * 0.02, rtp(index, timestamp=5000 + jump)) for index in range(5, 50))
    assert listener.indices == list(range(50))
    assert listener.seconds() == pytest.approx(1.0, abs=0.05)


def test_a_stall_of_our_own_is_not_filled() -> None:
    listener = Listener().play(steady(range(5)))
    assert listener.buffer.poll(3.0) == []
    for index in range(5, 150):
        listener.arrive(rtp(index), 3.0 + index * 1e-5)
    assert listener.seconds() == pytest.approx(3.0)


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_drifting_sender_is_followed_without_fill_or_skip(ppm: int) -> None:
    count = 50 * 600
    listener = Listener().play((i * 0.02 * (1 + ppm * 1e-6), rtp(i)) for i in range(count))
    assert listener.indices == list(range(count))
    assert listener.seconds() == count * 0.02


def test_jitter_is_that_of_rfc_3550() -> None:
    listener = Listener().play((i * 0.02 + 0.008 * (i % 2), rtp(i)) for i in range(500))
    assert listener.buffer.stats.jitter_ms == pytest.approx(8.0, rel=0.01)


@st.composite
def traces(draw: st.DrawFn) -> list[tuple[float, AudioPacket]]:
    """Six seconds of a sender seen through loss, bursts, jitter, reordering and duplication."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    loss, burst = draw(st.floats(0, 0.4)), draw(st.integers(1, 12))
    jitter, doubled = draw(st.floats(0, 0.15)), draw(st.floats(0, 0.3))
    ordered, ms = draw(st.booleans()), draw(st.sampled_from([10, 20, 40, 60]))
    seq, timestamp = draw(st.integers(0, 65_535)), draw(st.integers(0, 2**32 - 1))
    trace: list[tuple[float, AudioPacket]] = []
    missing, latest = 0, 0.0
    for index in range(6000 // ms):
        missing = missing - 1 if missing else (burst if chance.random() < loss / burst else 0)
        if missing and index:
            continue
        packet = rtp(index, seq=seq, timestamp=timestamp, ms=ms)
        arrival = index * ms / 1000 + chance.random() * jitter
        latest = max(latest, arrival) if ordered else arrival
        trace.append((latest, packet))
        if chance.random() < doubled:
            trace.append((latest + chance.random() * jitter, packet))
    return sorted(trace, key=lambda item: item[0])


@given(traces())
def test_no_packet_plays_twice_or_out_of_order(trace: list[tuple[float, AudioPacket]]) -> None:
    indices = Listener().play(trace).indices
    assert all(before < after for before, after in pairwise(indices))


@given(traces())
def test_audio_keeps_pace_with_time(trace: list[tuple[float, AudioPacket]]) -> None:
    listener = Listener().play(trace)
    end = trace[-1][0] + 3.0
    listener.run_until(end)
    packet_ms = trace[0][1].duration * 1000 // CLOCK_RATE
    elapsed = end - trace[0][0] + packet_ms / 1000
    assert elapsed - 0.4 <= listener.seconds(packet_ms) <= elapsed + 0.2


@given(traces())
def test_a_gap_in_the_audio_is_never_longer_than_the_bound(trace: list[tuple[float, AudioPacket]]) -> None:
    listener = Listener().play(trace)
    times = [now for now, _ in listener.heard]
    packet = trace[0][1].duration / CLOCK_RATE
    assert max(b - a for a, b in pairwise(times)) <= 0.2 + 0.15 + packet + 0.001


@given(traces())
def test_no_packet_in_order_is_held(trace: list[tuple[float, AudioPacket]]) -> None:
    listener = Listener()
    for arrival, packet in trace:
        listener.arrive(packet, arrival)
        assert listener.buffer.stats.delay_ms <= 60.001


@given(traces())
def test_every_packet_is_accounted_for(trace: list[tuple[float, AudioPacket]]) -> None:
    listener = Listener().play(trace)
    listener.run_until(trace[-1][0] + 1.0)
    stats = listener.buffer.stats
    assert stats.received == len(trace)
    assert stats.received - stats.late - stats.duplicated == len(listener.indices)
