from __future__ import annotations

import math

import pytest

from hil.path import traffic
from hil.path.link import Kind
from hil.path.trace import Packet


def packets(
    count: int = 500,
    *,
    ppm: float = 0.0,
    first: int = 65_400,
    without: frozenset[int] = frozenset(),
    late: float = 0.0,
) -> list[Packet]:
    """20 ms packets of a clock that is so much too fast; every seventh comes late."""
    return [
        Packet(
            at=10 + 0.02 * i / (1 + ppm / 1e6) + (late if i % 7 == 0 else 0.0),
            way="up", kind=Kind.RTP, size=60, fate="passed", left=None, call=1,
            seq=(first + i) & 0xFFFF, timestamp=(4_294_900_000 + 960 * i) & 0xFFFFFFFF, ssrc=1,
        )
        for i in range(count)
        if i not in without
    ]  # fmt: skip


def test_what_was_numbered_and_never_came_is_missing_over_the_wrap() -> None:
    assert traffic.missing(packets(without=frozenset({3, 200, 201}))) == (500, 3)
    assert traffic.missing([]) == (0, 0)


def test_two_calls_are_counted_apart() -> None:
    other = [Packet(p.at, p.way, p.kind, p.size, p.fate, p.left, 2, 5, 0, 2) for p in packets(1)]
    assert traffic.missing([*packets(10), *other]) == (11, 0)


@pytest.mark.parametrize("ppm", [0.0, 100.0, -23_438.0])
def test_the_senders_clock_is_told_whatever_comes_late(ppm: float) -> None:
    assert traffic.clock_ppm(packets(ppm=ppm, late=0.030)) == pytest.approx(ppm, abs=3)


def test_a_short_look_tells_no_clock() -> None:
    assert math.isnan(traffic.clock_ppm(packets(100)))


def test_jitter_is_that_of_rfc_3550() -> None:
    assert traffic.jitter(packets())[-1] == pytest.approx(0, abs=1e-6)
    steady = traffic.jitter(packets(2_000, late=0.007))  # two of seven steps are of 7 ms
    assert steady[-200:].mean() == pytest.approx(2.0, rel=0.1)


def test_a_sound_begins_where_packets_grow() -> None:
    def sized(way_from: int) -> list[Packet]:
        return [
            Packet(p.at, p.way, p.kind, 90 if way_from <= i < way_from + 20 else 52, p.fate, p.left, 1)
            for i, p in enumerate(packets(80))
        ]

    assert traffic.turnaround(sized(30), sized(33)) == pytest.approx(60, abs=0.01)
    assert math.isnan(traffic.turnaround(sized(30), packets(80)))
    assert math.isnan(traffic.turnaround(sized(33), sized(30)))


def test_bursts_are_packets_on_the_heels_of_others() -> None:
    assert traffic.bursts(packets(late=0.018)) == pytest.approx(500 / 7, abs=1)
    assert traffic.bursts(packets()) == 0
