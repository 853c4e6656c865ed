"""One more call has room, or it has not: judged by what those that are there take, and by how late they run."""

from __future__ import annotations

import pytest

from gateway.errors import Busy
from gateway.front.places.headroom import (
    BEATS,
    FULL,
    LATE_SECONDS,
    LEFT_MB,
    Beat,
    Headroom,
    check_memory,
)

EVERY = 0.5


def after(headroom: Headroom, *, core: float, late: float = 0.0, calls: int = 8) -> float:
    """Seconds after its first heartbeat, of a process that takes this share of a core, is this late and has calls."""
    for i in range(BEATS):
        headroom.beat(Beat(EVERY * i, core * EVERY * i, late, calls))
    return EVERY * (BEATS - 1)


def test_a_process_that_does_little_takes_calls() -> None:
    headroom = Headroom()
    headroom.check(8, after(headroom, core=0.3))


def test_one_whose_core_is_busy_takes_none() -> None:
    headroom = Headroom()
    now = after(headroom, core=FULL, calls=40)
    with pytest.raises(Busy, match="85% of a core") as refused:
        headroom.check(40, now)
    assert refused.value.retry_s > 2


def test_one_that_is_late_takes_none_though_it_does_little() -> None:
    headroom = Headroom()
    now = after(headroom, core=0.2, late=1.2 * LATE_SECONDS)
    with pytest.raises(Busy, match="60 ms late"):
        headroom.check(4, now)


def test_a_moments_work_or_stall_is_no_load() -> None:
    headroom = Headroom()
    now = after(headroom, core=0.2)
    headroom.beat(Beat(now + EVERY, 0.2 * now + EVERY, 0.4, 8))
    headroom.check(8, now + EVERY)


def test_all_processes_are_full_when_their_cores_are() -> None:
    headroom = Headroom(2.0)
    headroom.check_all(8, after(headroom, core=1.4))
    now = after(full := Headroom(2.0), core=2 * FULL)
    with pytest.raises(Busy, match=r"8 calls take 1\.7 of 2 cores") as refused:
        full.check_all(8, now)
    assert refused.value.retry_s > 2
    full.check_all(0, now)


def test_what_the_first_bots_take_to_start_is_no_load_yet() -> None:
    headroom = Headroom()
    for i in range(BEATS - 1):
        headroom.beat(Beat(0.5 * i, 0.5 * i, 0.0, 3))
    headroom.check_all(3, 0.5 * BEATS)


def test_the_first_call_is_always_taken() -> None:
    headroom = Headroom()
    headroom.check(0, after(headroom, core=1.0, late=1.0))
    check_memory(0.0, 0)


def test_calls_that_have_just_begun_are_counted_before_they_are_felt() -> None:
    headroom = Headroom()
    now = after(headroom, core=0.6, calls=30)
    headroom.check(30, now)
    for _ in range(14):
        headroom.begun(now)
    with pytest.raises(Busy):
        headroom.check(44, now)
    assert headroom.load(44, now) == pytest.approx((0.6 + 14 * 0.6 / 30) / FULL)


def test_calls_that_have_ended_again_take_nothing_more() -> None:
    headroom = Headroom()
    now = after(headroom, core=0.26, calls=2)
    for _ in range(30):
        headroom.begun(now)
    headroom.check(1, now)


def test_what_many_took_is_not_put_down_to_the_few_that_are_left() -> None:
    headroom = Headroom()
    now = after(headroom, core=0.5, calls=10)
    for _ in range(3):
        headroom.begun(now)
    headroom.check(4, now)


def test_what_little_memory_is_left_is_for_those_that_are_there() -> None:
    check_memory(LEFT_MB, 3)
    check_memory(None, 3)
    with pytest.raises(Busy, match="100 MB of memory are left"):
        check_memory(100.0, 3)
