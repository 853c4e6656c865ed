"""A flood of lines is held back and told of, whoever makes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from loguru import logger

from gateway import flood
from gateway.flood import (
    ALL_BURST,
    ALL_PER_SECOND,
    EACH_BURST,
    EACH_PER_SECOND,
    SUMMARY_SECONDS,
    Flood,
)


class Log:
    """A log behind a `Flood`, with a clock and a timer in the test's hand."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.lines: list[str] = []
        self.later: list[tuple[float, Callable[[], None]]] = []
        own = Flood(lambda: self.now, lambda seconds, call: self.later.append((seconds, call)))
        self.handler = logger.add(
            self.lines.append, filter=own.passes, format="{extra[session]} {level} {name} {message}"
        )

    def tell(self) -> list[str]:
        """Let the time for summaries come; gives them."""
        before = len(self.lines)
        [(seconds, call)] = self.later
        assert seconds == SUMMARY_SECONDS
        self.later.clear()
        call()
        return [line.strip() for line in self.lines[before:]]


@pytest.fixture
def log() -> Iterator[Log]:
    logger.configure(extra={"session": "-"})
    log = Log()
    yield log
    logger.remove(log.handler)


def say(times: int, *, session: str = "-", address: str | None = None) -> None:
    own = logger.bind(session=session) if address is None else logger.bind(session=session, address=address)
    for number in range(times):
        own.warning("a device says {}", number)


def test_a_flood_is_its_first_lines_and_their_number(log: Log) -> None:
    say(1_000 + EACH_BURST, session="cafe")
    assert len(log.lines) == EACH_BURST
    assert log.tell() == [
        f"cafe WARNING {__name__} … 1,000 more like this in the last 10 s: a device says {EACH_BURST}"
    ]


def test_it_goes_on_slowly(log: Log) -> None:
    say(1_000)
    for _ in range(60):
        log.now += 1
        say(100)
    assert len(log.lines) == EACH_BURST + 60 * EACH_PER_SECOND


def test_what_is_well_is_all_written_and_nothing_is_told(log: Log) -> None:
    say(EACH_BURST)
    assert len(log.lines) == EACH_BURST
    assert log.later == []


def test_one_flood_leaves_room_for_another_session_address_and_kind(log: Log) -> None:
    say(1_000, session="cafe")
    say(1, session="beef")
    say(1, address="192.0.2.1")
    logger.bind(session="cafe").info("session ended: client_left")
    assert len(log.lines) == EACH_BURST + 3


def test_any_number_of_addresses_is_a_flood_too(log: Log) -> None:
    for number in range(3_000):
        say(1, address=f"2001:db8::{number:x}")
    assert len(log.lines) == ALL_BURST
    log.now += 10
    for number in range(3_000):
        say(1, address=f"2001:db8:1::{number:x}")
    assert len(log.lines) == ALL_BURST + 10 * ALL_PER_SECOND
    assert len(log.tell()) == 1


def test_a_summary_of_several_sessions_names_none(log: Log) -> None:
    say(EACH_BURST + 1, session="cafe")
    say(EACH_BURST + 1, session="beef")
    [told] = log.tell()
    assert told.startswith("- WARNING")
    assert "… 2 more like this" in told


def test_each_window_tells_its_own(log: Log) -> None:
    say(EACH_BURST + 5)
    assert "… 5 more" in log.tell()[0]
    assert log.later == []
    say(7)
    assert "… 7 more" in log.tell()[0]


def test_a_level_without_a_name_can_be_told_of(log: Log) -> None:
    for _ in range(EACH_BURST + 1):
        logger.log(37, "odd")
    assert "Level 37" in log.tell()[0]


@pytest.mark.timeout(20)
def test_a_line_that_comes_while_one_is_weighed_is_written_too() -> None:
    """As when the collector strikes there, and an object's end is logged."""
    lines: list[str] = []
    nested = iter([True])

    def clock() -> float:
        if next(nested, False):
            logger.warning("destroyed")
        return 0.0

    handler = logger.add(lines.append, filter=Flood(clock).passes, format="{message}")
    logger.warning("weighed")
    logger.remove(handler)
    assert [line.strip() for line in lines] == ["destroyed", "weighed"]


def test_the_timer_of_its_own_tells_as_well(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Event()
    monkeypatch.setattr(flood, "SUMMARY_SECONDS", 0.01)
    handler = logger.add(
        lambda line: told.set() if "more like this" in line else None,
        filter=Flood().passes,
        format="{message}",
    )
    say(EACH_BURST + 1)
    assert told.wait(30)
    logger.remove(handler)
    del log
