from __future__ import annotations

from collections.abc import Iterator

import pytest
from loguru import logger

from gateway.recurring import Recurring


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lines() -> Iterator[list[str]]:
    told: list[str] = []
    handler = logger.add(lambda line: told.append(line.strip()), format="{level} {message}")
    yield told
    logger.remove(handler)


def test_it_is_said_once_and_once_more_when_it_is_over(lines: list[str]) -> None:
    clock = Clock()
    trouble = Recurring("mDNS", clock=clock)
    for _ in range(1_200):
        trouble.met("port taken")
        clock.now += 5
    assert lines == ["WARNING mDNS: port taken; trying again"]
    trouble.over()
    assert lines[1:] == ["INFO mDNS: over, after 6000 s and 1,200 times"]


def test_each_cause_is_said_once_even_if_they_take_turns(lines: list[str]) -> None:
    trouble = Recurring("mDNS")
    for cause in ("a", "b", "a", "b"):
        trouble.met(cause)
    assert lines == ["WARNING mDNS: a; trying again", "WARNING mDNS: b; trying again"]


def test_causes_without_end_are_cut_off(lines: list[str]) -> None:
    trouble = Recurring("mDNS")
    for number in range(1_000):
        trouble.met(f"error {number}")
    assert len(lines) == 16


def test_what_is_well_says_nothing(lines: list[str]) -> None:
    trouble = Recurring("mDNS")
    trouble.over()
    assert lines == []


def test_it_is_said_anew_the_next_time(lines: list[str]) -> None:
    trouble = Recurring("worker 0", level="ERROR")
    for _ in range(2):
        trouble.met("no memory")
        trouble.over()
    assert [line.split(";")[0] for line in lines[::2]] == ["ERROR worker 0: no memory"] * 2


def test_an_error_that_nobody_foresaw_comes_with_its_trace(lines: list[str]) -> None:
    trouble = Recurring("revocation")
    for _ in range(3):
        try:
            raise ZeroDivisionError  # noqa: TRY301
        except ZeroDivisionError as error:
            trouble.met(repr(error), error)
    [line] = lines
    assert "Traceback" in line
