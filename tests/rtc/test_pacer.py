from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rtc.pacer import FRAME_BYTES, PERIOD, Outgoing, Pacer

LOUD = np.full(320, 5000, "<i2").tobytes()
QUIET = np.full(320, 20, "<i2").tobytes()


def run(pacer: Pacer, until: float) -> list[tuple[float, Outgoing]]:
    """What goes out at each deadline before `until`."""
    sent: list[tuple[float, Outgoing]] = []
    while (now := pacer.deadline) < until:
        packet = pacer.next_packet(now)
        if packet is not None:
            sent.append((now, packet))
    return sent


def echo(pacer: Pacer, arrivals: list[float], frame: bytes = LOUD) -> list[tuple[float, Outgoing]]:
    """A live source that hands over a frame at each time."""
    sent: list[tuple[float, Outgoing]] = []
    for now in arrivals:
        sent += run(pacer, now)
        pacer.push(frame, now)
    return sent


def test_nothing_goes_out_before_its_time() -> None:
    pacer = Pacer(0.0)
    pacer.next_packet(0.0)
    assert pacer.next_packet(PERIOD - 0.001) is None


def test_packets_are_20_ms_apart_however_bursty_the_source() -> None:
    pacer = Pacer(0.0)
    pacer.push(20 * LOUD, 0.0)
    times = [now for now, _ in run(pacer, 0.39)]
    assert times == pytest.approx([index * PERIOD for index in range(20)])


def test_timestamps_advance_by_960() -> None:
    pacer = Pacer(0.0, timestamp=2**32 - 960)
    assert [packet.timestamp for _, packet in run(pacer, 0.05)] == [2**32 - 960, 0, 960]


def test_with_nothing_queued_silence_is_sent() -> None:
    packets = [packet for _, packet in run(Pacer(0.0), 0.1)]
    assert len(packets) == 5
    assert all(packet.silent and packet.pcm == bytes(FRAME_BYTES) for packet in packets)


def test_or_else_nothing_is_due_once_a_decoder_has_settled_and_speech_resumes_with_the_marker() -> None:
    pacer = Pacer(0.0, send_silence=False)
    assert len(run(pacer, 3600.0)) == 10
    assert pacer.deadline == math.inf
    pacer.push(2 * LOUD, 10.005)
    (_, first), (_, second) = run(pacer, 10.03)
    assert (first.marker, second.marker) == (True, False)
    assert first.timestamp == 500 * 960
    assert first.pcm == LOUD
    assert pacer.stats.skipped_ms == 0


def test_nothing_is_lost_of_a_short_sound_after_a_rest() -> None:
    pacer = Pacer(0.0, send_silence=False)
    run(pacer, 3600.0)
    pacer.push(LOUD[:200], 5.0)
    assert LOUD[:200] in b"".join(packet.pcm for _, packet in run(pacer, 6.0))


def test_a_stream_of_silence_needs_no_marker() -> None:
    pacer = Pacer(0.0)
    pacer.push(LOUD, 0.0)
    assert not any(packet.marker for _, packet in run(pacer, 0.2))


def test_what_is_queued_comes_out_in_order() -> None:
    pacer = Pacer(0.0)
    pacer.push(LOUD + QUIET, 0.0)
    assert [packet.pcm for _, packet in run(pacer, 0.03)] == [LOUD, QUIET]


def test_chunks_of_10_ms_make_whole_frames() -> None:
    pacer = Pacer(0.0)
    for half in range(4):
        pacer.push(LOUD[:320], half * 0.001)
    assert [packet.pcm for _, packet in run(pacer, 0.03)] == [LOUD, LOUD]


def test_the_end_of_speech_is_padded_with_silence() -> None:
    pacer = Pacer(0.0)
    pacer.push(LOUD + LOUD[:200], 0.0)
    assert [packet.pcm for _, packet in run(pacer, 0.04)] == [LOUD, LOUD[:200].ljust(FRAME_BYTES, b"\0")]


def test_the_queue_is_bounded() -> None:
    pacer = Pacer(0.0, capacity=0.1)
    assert pacer.push(10 * LOUD, 0.0) == 5 * FRAME_BYTES
    assert pacer.queued_ms == 100
    assert pacer.push(LOUD, 0.0) == 0


def test_after_a_stall_there_is_no_burst() -> None:
    pacer = Pacer(0.0)
    pacer.push(50 * LOUD, 0.0)
    pacer.next_packet(0.0)
    assert pacer.next_packet(0.335) is not None
    assert pacer.next_packet(0.335) is None


def test_after_a_stall_the_timestamp_has_kept_pace_with_time() -> None:
    pacer = Pacer(0.0)
    pacer.push(50 * LOUD, 0.0)
    pacer.next_packet(0.0)
    packet = pacer.next_packet(0.335)
    assert packet is not None
    assert (packet.timestamp, packet.marker, packet.pcm) == (16 * 960, True, LOUD)
    assert pacer.stats.skipped_ms == 300


def test_barge_in_silences_the_very_next_packet() -> None:
    pacer = Pacer(0.0)
    pacer.push(100 * LOUD, 0.0)
    run(pacer, 0.05)
    dropped = pacer.clear()
    (_, packet), *_ = run(pacer, 0.07)
    assert (dropped, packet.silent) == (1940, True)
    assert pacer.stats.dropped_ms == 1940


def test_speech_that_begins_goes_out_at_once() -> None:
    pacer = Pacer(0.0)
    run(pacer, 0.05)
    pacer.push(LOUD, 0.0507)
    assert pacer.deadline == 0.0507


def test_but_not_in_the_same_breath_as_the_silence_before_it() -> None:
    pacer = Pacer(0.0)
    run(pacer, 0.05)
    pacer.push(LOUD, 0.0401)
    assert pacer.deadline == pytest.approx(0.045)


def test_the_silence_after_it_gives_the_time_back() -> None:
    pacer = Pacer(0.0)
    run(pacer, 0.05)
    pacer.push(LOUD, 0.0507)
    times = [now for now, _ in run(pacer, 2.0)]
    assert times[-1] / PERIOD == pytest.approx(round(times[-1] / PERIOD), abs=0.001)


def test_a_live_source_a_little_late_is_waited_for() -> None:
    pacer = Pacer(0.0)
    sent = echo(pacer, [0.0, 0.02, 0.046, 0.066, 0.086, 0.106])
    assert not any(packet.silent for _, packet in sent)
    assert pacer.stats.held == 1


def test_a_live_source_with_jitter_is_smoothed() -> None:
    pacer, chance = Pacer(0.0), np.random.default_rng(1)
    sent = echo(pacer, [index * PERIOD + chance.uniform(0, 0.008) for index in range(500)])[1:]
    gaps = [after - before for (before, _), (after, _) in pairwise(sent)]
    assert not any(packet.silent for _, packet in sent)
    assert np.mean(np.abs(np.array(gaps[50:]) - PERIOD) < 0.001) > 0.95


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_live_source_that_drifts_costs_no_silence_and_only_the_drift_is_queued(ppm: int) -> None:
    pacer = Pacer(0.0)
    sent = echo(pacer, [index * PERIOD * (1 + ppm * 1e-6) for index in range(50 * 600)])
    assert sum(packet.silent for _, packet in sent) <= 1
    assert pacer.queued_ms <= 20 + max(0, -ppm) * 600e-3


@st.composite
def scripts(draw: st.DrawFn) -> list[tuple[float, int]]:
    """Times, and how many bytes of audio are handed over then (0: only the clock goes on)."""
    steps = st.tuples(st.floats(0, 0.25), st.sampled_from([0, 0, 320, 640, 641 * 2, 1280, 6400]))
    now, script = 0.0, []
    for pause, size in draw(st.lists(steps, max_size=60)):
        now += pause
        script.append((now, size))
    return script


@given(scripts())
def test_no_two_packets_are_ever_sent_together(script: list[tuple[float, int]]) -> None:
    pacer, sent = Pacer(0.0), [-1.0]
    for now, size in script:
        sent += [when for when, _ in run(pacer, now)]
        pacer.push(bytes(size), now)
    assert min((b - a for a, b in pairwise(sent)), default=1.0) >= 0.005 - 1e-9


@given(scripts())
def test_the_pace_holds_over_any_stretch(script: list[tuple[float, int]]) -> None:
    pacer, sent = Pacer(0.0), []
    for now, size in script:
        sent += [when for when, _ in run(pacer, now)]
        pacer.push(bytes(size), now)
    for index in range(0, len(sent), 7):
        for count in (10, 50, 200):
            if index + count < len(sent):
                assert sent[index + count] - sent[index] >= count * PERIOD - 0.05


@given(scripts())
def test_media_time_keeps_pace_with_time(script: list[tuple[float, int]]) -> None:
    """Also where the loop wakes late: here only when something is handed over."""
    pacer, last = Pacer(0.0), None
    for now, size in script:
        packet = pacer.next_packet(now)
        last = (now, packet) if packet else last
        pacer.push(bytes(size), now)
    if last is not None:
        now, packet = last
        assert packet.timestamp / 48_000 == pytest.approx(now, abs=0.1)


@given(scripts())
def test_all_that_is_handed_over_is_sent(script: list[tuple[float, int]]) -> None:
    pacer, sent, queued = Pacer(0.0, capacity=60), b"", 0
    for now, size in script:
        sent += b"".join(packet.pcm for _, packet in run(pacer, now))
        queued += pacer.push(b"\x01" * size, now)
    sent += b"".join(packet.pcm for _, packet in run(pacer, 80.0))
    assert sent.count(1) == queued


def waiting(pacer: Pacer, frames: list[bytes], *stalls: tuple[float, float]) -> list[float]:
    """Milliseconds that wait as each frame of a live source comes; nothing is done in the stalls, from when to when."""
    waits = []
    for number, frame in enumerate(frames):
        now = number * PERIOD
        for begin, end in stalls:
            if begin <= now < end:
                pacer.next_packet(end)
                now = end
        run(pacer, now)
        waits.append(pacer.queued_ms)
        pacer.push(frame, now)
    return waits


@pytest.mark.parametrize("length", [0.025, 0.06, 0.11])
@pytest.mark.parametrize(("frame", "within"), [(QUIET, 0.3), (LOUD, 1.6)], ids=["quiet", "speech"])
def test_what_a_stall_held_back_makes_nothing_late_that_comes_a_moment_after(
    frame: bytes, within: float, length: float
) -> None:
    pacer = Pacer(0.0)
    waits = waiting(pacer, 250 * [frame], (2.0, 2.0 + length))
    after = round((2.0 + length) / PERIOD)
    assert max(waits[:100]) <= 20
    assert max(waits[after + 1 :]) >= 20 * int(length / PERIOD) - 20, "or there was nothing to make good"
    assert max(waits[after + round(within / PERIOD) :]) <= 20


def test_what_a_bot_has_said_ahead_is_left_to_it() -> None:
    pacer = Pacer(0.0)
    pacer.push(3 * LOUD, 0.0)
    waits = waiting(pacer, 300 * [LOUD], (2.0, 2.08))
    assert min(waits[102:]) >= 40
    assert waits[-1] == pytest.approx(60, abs=20)


def test_stalls_without_number_leave_a_live_source_on_time() -> None:
    pacer, chance = Pacer(0.0), np.random.default_rng(3)
    stalls = [(at, at + chance.uniform(0.01, 0.09)) for at in np.arange(1.0, 20.0, 0.5)]
    waits = waiting(pacer, 50 * 22 * [QUIET], *stalls)
    assert max(waits) <= 120
    assert max(waits[-50:]) <= 20


def test_a_schedule_that_was_late_for_a_late_frame_comes_back() -> None:
    pacer = Pacer(0.0)
    times = [n * PERIOD + (0.009 if n == 100 else 0.0) for n in range(250)]
    sent = [now for now, _ in echo(pacer, times)]
    assert min(now % PERIOD for now in sent[105:125]) > 0.008
    assert max(now % PERIOD for now in sent[-40:]) < 0.003
