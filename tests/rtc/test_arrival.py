from __future__ import annotations

import pytest

from gateway.rtc.arrival import Arrivals


def steady(delays: list[float]) -> Arrivals:
    arrivals = Arrivals(delays[0], 0.0)
    for index, delay in enumerate(delays):
        arrivals.observe(delay, 0.02, index * 0.02)
    return arrivals


def test_the_clock_is_the_fastest_packet() -> None:
    assert steady([0.03, 0.01, 0.02]).least == 0.01


def test_a_changed_route_is_the_clock_after_two_seconds() -> None:
    assert steady(50 * [0.01] + 101 * [0.08]).least == 0.08


def test_a_moment_of_delay_is_not_the_clock() -> None:
    assert steady(50 * [0.01] + 40 * [0.08]).least == 0.01


def test_lateness_rises_at_once() -> None:
    assert steady([0.0, 0.1]).lateness == pytest.approx(0.105)


def test_lateness_halves_in_ten_seconds() -> None:
    assert steady([0.0, 0.1] + 500 * [0.0]).lateness == pytest.approx(0.105 / 2)


def test_lateness_is_bounded_both_ways() -> None:
    assert (steady([0.0, 0.0]).lateness, steady([0.0, 9.0]).lateness) == (0.030, 0.200)


def test_reordering_is_the_longest_seen() -> None:
    arrivals = steady([0.0])
    arrivals.saw_reordering(0.02)
    arrivals.saw_reordering(0.01)
    assert arrivals.reordering == pytest.approx(0.025)


def test_a_packet_reordered_beyond_use_is_ignored() -> None:
    arrivals = steady([0.0])
    arrivals.saw_reordering(0.5)
    assert arrivals.reordering == 0.0


def test_a_clock_that_was_set_forgets_the_past() -> None:
    arrivals = steady([0.0, 0.01])
    arrivals.anchor(5.0, 0.04)
    assert (arrivals.least, arrivals.delay) == (5.0, 5.0)


def test_a_stall_of_our_own_moves_the_clock_along() -> None:
    arrivals = steady([0.0])
    arrivals.shift(3.0)
    assert arrivals.least == 3.0
