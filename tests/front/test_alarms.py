"""Times of day as people and models give them, over changes of the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.errors import BadRequest
from gateway.front.tools import next_time

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(params=["set", "the machine's"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo | None]:
    """Where the gateway is: by its settings, or by its machine's."""
    monkeypatch.setenv("TZ", "Europe/Berlin" if request.param != "set" else "UTC")
    time.tzset()
    yield BERLIN if request.param == "set" else None
    monkeypatch.undo()
    time.tzset()


def at(when: str) -> float:
    """A time in Berlin; with an offset where that is ambiguous."""
    moment = datetime.fromisoformat(when)
    return (moment if moment.tzinfo else moment.replace(tzinfo=BERLIN)).timestamp()


@pytest.mark.parametrize(
    ("now", "when", "then"),
    [
        ("2026-11-30T12:00", "12:01", "2026-11-30T12:01"),
        ("2026-11-30T12:00", "12:00", "2026-12-01T12:00"),
        ("2026-12-31T23:59", "00:00", "2027-01-01T00:00"),
        ("2027-03-27T23:00", "07:00", "2027-03-28T07:00+02:00"),  # summer time begins in between
        ("2026-10-24T23:00", "07:00", "2026-10-25T07:00+01:00"),  # or ends
        ("2027-03-28T01:00", "02:30", "2027-03-28T03:30+02:00"),  # there is no such time that day
        ("2026-10-25T02:30+01:00", "02:45", "2026-10-25T02:45+01:00"),  # there are two
        ("2026-10-25T02:30+02:00", "02:45", "2026-10-25T02:45+02:00"),
        ("2026-12-01T10:00", "2027-07-01T08:00", "2027-07-01T08:00+02:00"),
        ("2026-12-01T10:00", "13:00Z", "2026-12-01T14:00"),
        ("2026-12-01T10:00", "2026-12-01T16:00+05:30", "2026-12-01T11:30"),
    ],
)
def test_it_rings_when_the_clock_there_says_so(zone: ZoneInfo | None, now: str, when: str, then: str) -> None:
    assert next_time(when, at(now), zone) == at(then)


@pytest.mark.parametrize("when", ["7", "25:00", "tomorrow", "2026-13-01T00:00", "", "T"])
def test_what_is_no_time_is_refused(when: str) -> None:
    with pytest.raises(BadRequest, match="is no time"):
        next_time(when, at("2026-11-30T12:00"), BERLIN)


def test_a_model_that_does_not_know_the_date_is_told_it() -> None:
    with pytest.raises(BadRequest, match="is over: it is 2026-11-30T12:00 now"):
        next_time("2024-05-01T08:00", at("2026-11-30T12:00"), BERLIN)
