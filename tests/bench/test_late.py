from __future__ import annotations

import pytest

from bench.calling import late_in_speech, spurts
from bench.capacity import carried
from bench.crowd import Steps, said_at
from bench.device import Arrival, Device


def talk(
    begin: float, packets: int, timestamp: int, *, late: dict[int, float] | None = None
) -> list[Arrival]:
    """Packets 20 ms apart, some of them so many seconds late."""
    held = late or {}
    return [
        Arrival(begin + 0.02 * n + held.get(n, 0.0), n, (timestamp + 960 * n) % 2**32, bytes(50))
        for n in range(packets)
    ]


def test_what_follows_a_pause_is_timed_by_itself() -> None:
    whole = [
        *talk(0.0, 10, 0),
        *talk(5.04, 10, 240_000),
    ]  # 40 ms later than the clock of the first would have it
    assert [len(spurt) for spurt in spurts(whole)] == [10, 10]
    assert late_in_speech([Device("", arrivals=whole)], 0.0, 10.0) == 0.0


def test_a_pause_may_lie_where_the_clock_wraps() -> None:
    assert len(spurts(talk(0.0, 10, 2**32 - 960 * 5))) == 1


def test_packets_that_are_held_up_are_late() -> None:
    device = Device("", arrivals=talk(0.0, 100, 0, late={50: 0.03, 51: 0.025, 52: 0.01}))
    assert late_in_speech([device], 0.0, 10.0) == pytest.approx(0.02)


def test_where_nobody_spoke_nothing_is_late() -> None:
    assert late_in_speech([Device("")], 0.0, 1.0) == 0.0


def plateaus(*found: tuple[int, bool]) -> list[dict[str, int | bool]]:
    return [{"sessions": sessions, "good": good} for sessions, good in found]


def test_one_bad_plateau_between_good_ones_is_no_end() -> None:
    assert carried(plateaus((8, True), (9, False), (10, True), (11, False), (12, False))) == (10, 11)


def test_what_never_failed_has_no_end_above_it() -> None:
    assert carried(plateaus((8, True), (9, True))) == (9, 9)


def test_what_carries_nothing_carries_none() -> None:
    assert carried(plateaus((1, False), (2, False))) == (0, 1)


def test_a_ramp_grows_by_a_part_of_itself() -> None:
    assert [Steps(4, 100, 6).more(n) for n in (0, 4, 12, 80)] == [4, 1, 2, 13]


def test_chirps_of_a_loop_go_on_without_end() -> None:
    assert said_at([0.5, 6.5], since=100.0, end=130.0) == pytest.approx([100.5, 118.5])
