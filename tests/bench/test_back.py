from __future__ import annotations

import math

import pytest

from bench.latency import back_after

TIMES = [float(n) for n in range(12)]
QUIET = [40.0, 42.0, 41.0]


def test_it_is_back_with_the_first_of_three_that_are_near_the_floor() -> None:
    delays = [*QUIET, 90, 95, 90, 80, 45, 60, 45, 44, 46]
    assert back_after(TIMES, delays, began=2.8, ended=5.5) == pytest.approx(3.5)


def test_what_was_lost_is_not_back() -> None:
    delays = [*QUIET, 90, 95, 90, math.nan, 45, math.nan, 45, 44, 46]
    assert back_after(TIMES, delays, began=2.8, ended=5.5) == pytest.approx(3.5)


def test_what_never_comes_back_takes_the_rest_of_the_call() -> None:
    delays = [*QUIET, *[60.0] * 9]
    assert back_after(TIMES, delays, began=2.8, ended=5.5) == pytest.approx(5.5)


def test_what_was_never_away_is_back_at_once() -> None:
    assert back_after(TIMES, [41.0] * 12, began=2.8, ended=5.5) == pytest.approx(0.5)
