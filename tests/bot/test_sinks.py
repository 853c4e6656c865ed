from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from gateway.bot import sinks
from gateway.logs import set_up
from gateway.settings import Settings


@pytest.fixture(autouse=True)
def ours() -> Iterator[io.StringIO]:
    """The log of a process that loads bots, which has one sink."""
    logger.remove()
    log = io.StringIO()
    number = logger.add(log, format="{message}")
    yield log
    logger.remove(number)


def found() -> None:
    """What a bot finds, made as the template makes it."""
    set_up(Settings(), worker=0, relayed=True)


def test_each_bot_may_take_away_the_sink_that_it_finds_and_add_its_own(
    tmp_path: Path, ours: io.StringIO
) -> None:
    for name in ("one", "two"):
        with sinks.importing(name, found):
            logger.remove(0)  # as Pipecat's quickstarts do
            assert logger.add(tmp_path / name, format="{message}") == 2
    logger.info("of the process")
    for name in ("one", "two"):
        with sinks.importing("between", found):  # what it logs then is put back after it
            sinks.settle(name)
            logger.info("of {}", name)
    assert [(tmp_path / name).read_text() for name in ("one", "two")] == ["of one\n", "of two\n"]
    assert ours.getvalue() == "of the process\n"


def test_what_a_bot_adds_to_pythons_own_logging_is_its_own(tmp_path: Path) -> None:
    ours = [*logging.getLogger().handlers]
    for name in ("one", "two"):
        with sinks.importing(name, found):
            logging.getLogger().addHandler(logging.FileHandler(tmp_path / name))
        assert logging.getLogger().handlers == ours
    for name in ("one", "two"):
        with sinks.importing("between", found):
            sinks.settle(name)
            logging.getLogger("x").warning("of %s", name)
    assert [(tmp_path / name).read_text() for name in ("one", "two")] == ["of one\n", "of two\n"]


def test_what_a_bot_has_each_of_its_records_say_is_its_own(tmp_path: Path, ours: io.StringIO) -> None:
    for name in ("one", "two"):
        with sinks.importing(name, found):
            logger.configure(extra={"of": name}, patcher=lambda record: record["extra"].update(seen=1))
            logger.add(tmp_path / name, format="{extra[of]} {extra[seen]} {extra[session]} {message}")
    logger.info("{} of the process", "of" in logger._core.extra)  # type: ignore[attr-defined]
    for name in ("one", "two"):
        with sinks.importing("between", found):
            sinks.settle(name)
            sinks.of_session("s-1", 0)
            logger.info("x")
    assert [(tmp_path / name).read_text() for name in ("one", "two")] == ["one 1 s-1 x\n", "two 1 s-1 x\n"]
    assert ours.getvalue() == "False of the process\n"


def test_a_bot_that_prints_elsewhere_leaves_the_others_their_output() -> None:
    before = sys.stdout, sys.stderr
    with sinks.importing("one", found):
        sys.stdout = elsewhere = io.StringIO()
        sys.stderr.close()
    assert (sys.stdout, sys.stderr) == before
    with sinks.importing("between", found):
        sinks.settle("one")
        print("of one")  # noqa: T201 -- what it is for
    assert elsewhere.getvalue() == "of one\n"


def test_a_bot_that_takes_all_away_leaves_the_others_theirs(tmp_path: Path, ours: io.StringIO) -> None:
    with sinks.importing("one", found):
        logger.add(tmp_path / "one", format="{message}")
    with sinks.importing("two", found):
        logger.remove()
    logger.info("still there")
    with sinks.importing("between", found):
        sinks.settle("two")
        logger.info("nowhere")
        sinks.settle("one")
        logger.info("of one")
    assert (tmp_path / "one").read_text() == "of one\n"
    assert ours.getvalue() == "still there\n"


def test_a_bot_that_was_not_imported_here_logs_as_the_process_does(ours: io.StringIO) -> None:
    sinks.settle("nobody")
    logger.info("x")
    assert ours.getvalue() == "x\n"
