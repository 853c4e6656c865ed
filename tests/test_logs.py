from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from loguru import logger

from gateway import logs
from gateway.settings import Settings


class Err:
    """Standard error."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self._text = ""

    def text(self) -> str:
        """All of it up to now."""
        self._text += self._capture.readouterr().err
        return self._text

    def records(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def err(capsys: pytest.CaptureFixture[str]) -> Iterator[Err]:
    """Standard error, while this process logs as the gateway does."""
    levels = {name: logging.getLogger(name).level for name in logs._NOISY}
    handlers, level = logging.root.handlers[:], logging.root.level
    yield Err(capsys)
    logger.remove()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def test_a_line_has_its_worker_and_session(err: Err) -> None:
    logs.set_up(Settings(), worker=3)
    logger.bind(session="cafe").info("hello")
    logger.info("nobody's")
    first, second = err.text().splitlines()
    assert "w3 cafe hello" in first
    assert "w3 - nobody's" in second


def test_json_is_one_object_a_line_whatever_is_said(err: Err) -> None:
    logs.set_up(Settings(log_json=True))
    logger.bind(session="cafe").warning('a "quoted"\nline with {braces} and <tags> and \u00fc')
    logger.info("next {}", {"a": object()})
    first, second = err.records()
    assert first["message"] == 'a "quoted"\nline with {braces} and <tags> and \u00fc'
    assert (first["level"], first["session"], first["worker"]) == ("WARNING", "cafe", "-")
    assert second["message"].startswith("next ")


def test_an_exception_is_in_the_json(err: Err) -> None:
    logs.set_up(Settings(log_json=True))
    logger.opt(exception=ValueError("broken {key}")).error("it failed")
    [record] = err.records()
    assert record["error"] == "ValueError('broken {key}')"


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
@pytest.mark.parametrize("as_json", [False, True])
def test_no_value_of_a_variable_is_in_a_trace(err: Err, level: str, *, as_json: bool) -> None:
    logs.set_up(Settings(log_json=as_json, log_level=level))  # type: ignore[arg-type]

    def authenticate(key: str) -> None:
        raise LookupError(f"a key of {len(key)} characters")

    try:
        authenticate("vgw_" + "secret")
    except LookupError:
        logger.exception("refused")
    assert "refused" in err.text()
    assert "vgw_secret" not in err.text()


def test_the_standard_librarys_records_come_too(err: Err) -> None:
    logs.set_up(Settings())
    logging.getLogger("somebody").warning("said %s", "this")
    assert "WARNING" in err.text()
    assert "said this" in err.text()


@pytest.mark.parametrize(("level", "shown"), [("INFO", False), ("DEBUG", True)])
def test_the_stacks_chatter_is_for_debugging(err: Err, level: str, *, shown: bool) -> None:
    logs.set_up(Settings(log_level=level))  # type: ignore[arg-type]
    logging.getLogger("aioice").info("check 1")
    assert ("check 1" in err.text()) is shown


def test_what_is_under_the_level_is_left_out(err: Err) -> None:
    logs.set_up(Settings(log_level="WARNING"))
    logger.info("quiet")
    logger.warning("loud")
    assert "quiet" not in err.text()
    assert "loud" in err.text()


def relayed(err: Err) -> str:
    """What this process has written for another to relay."""
    return err.text().split("\n")[-2]


def test_a_record_crosses_as_itself(err: Err) -> None:
    logs.set_up(Settings(), worker=1, relayed=True)
    logger.warning("a {} of\ntwo lines", "message")
    line = relayed(err)
    logs.set_up(Settings(log_json=True), worker=1)
    logs.relay(line, "s-1")
    record = json.loads(relayed(err))
    assert record["level"] == "WARNING"
    assert record["session"] == "s-1"
    assert record["logger"] == __name__
    assert record["message"] == "a message of\ntwo lines"


def test_an_exception_crosses_with_the_end_of_its_trace(err: Err) -> None:
    logs.set_up(Settings(), relayed=True)
    logger.opt(exception=ValueError("x" * 10_000)).error("it failed")
    line = relayed(err)
    logs.set_up(Settings(log_json=True))
    logs.relay(line, "s-1")
    message = json.loads(relayed(err))["message"]
    assert message.startswith("it failed\n")
    assert message.endswith("xxx")
    assert len(message) < 5_000


@pytest.mark.parametrize(
    "line",
    [
        "plain",
        "\x1e",
        "\x1e{}",
        '\x1e{"level": "ODD", "logger": "a", "message": "m"}',
        "\x1e[1]",
        "\x1e" + "[" * 9_999,
    ],
)
def test_what_is_no_record_is_a_line_that_was_printed(err: Err, line: str) -> None:
    logs.set_up(Settings(log_json=True))
    logs.relay(line, "s-1")
    record = json.loads(relayed(err))
    assert record["level"] == "INFO"
    assert record["message"] == line.replace("\x1e", "\\x1e")


def test_what_is_printed_steers_no_terminal(err: Err) -> None:
    logs.set_up(Settings())
    logs.relay("\x1b[2Jred\a {braces} <red>markup</red>", "s-1")
    assert "\\x1b[2Jred\\x07 {braces} <red>markup</red>" in relayed(err)
