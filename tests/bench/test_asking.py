from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.asking import ANSWERED_SECONDS, answered, asked_at
from bench.device import Arrival

LOOP = 100  # packets, two seconds
SOUND, SILENCE = bytes(60), bytes(3)


def came(*times: float, payload: bytes = SOUND) -> list[Arrival]:
    return [Arrival(when, 0, 0, payload) for when in times]


@pytest.mark.parametrize(
    ("offset", "asked"),
    [(0, [10.6, 12.6]), (30, [12.0, 14.0]), (10, [10.4, 12.4])],
    ids=["from its beginning", "behind its end", "before its end"],
)
def test_a_question_has_ended_when_its_last_packet_is_full(offset: int, asked: Sequence[float]) -> None:
    assert asked_at([29], LOOP, offset, since=10.0, begin=10.0, end=14.2) == pytest.approx(asked)


def test_only_questions_between_two_times_count() -> None:
    assert asked_at([9, 59], LOOP, 0, since=0.0, begin=3.0, end=6.0) == pytest.approx([3.2, 4.2, 5.2])


def test_the_next_sound_is_the_answer() -> None:
    assert answered([1.0, 8.0], came(0.5, 2.0, 9.0)) == [True, True]


def test_silence_is_no_answer() -> None:
    assert answered([1.0], came(1.5, 2.0, payload=SILENCE)) == [False]


def test_an_answer_that_comes_late_is_none() -> None:
    assert answered([1.0], came(1.0 + ANSWERED_SECONDS + 0.1)) == [False]
