from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from loguru import logger

from gateway import logs
from gateway.flood import EACH_BURST
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
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    handlers, level = logging.root.handlers[:], logging.root.level
    yield Err(capsys)
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    logger.remove()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    logging.captureWarnings(capture=False)
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
    assert first["message"] == 'a "quoted"\\nline with {braces} and <tags> and \u00fc'
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


def test_the_end_of_a_tls_connection_is_no_news(err: Err) -> None:
    logs.set_up(Settings())
    logging.getLogger("asyncio").warning("returning true from eof_received() has no effect when using ssl")
    logging.getLogger("asyncio").warning("anything else")
    assert "eof_received" not in err.text()
    assert "anything else" in err.text()


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
    assert record["message"] == r"a message of\ntwo lines"


@pytest.mark.parametrize("level", ["NOTICE", 27])
def test_a_record_of_a_level_that_only_its_process_has_is_one_all_the_same(
    err: Err, level: str | int
) -> None:
    line = json.dumps({"level": str(level), "no": 27, "logger": "a", "line": 1, "message": "it happened"})
    logs.set_up(Settings(log_json=True), worker=1)
    logs.relay("\x1e" + line, "s-1")
    record = json.loads(relayed(err))
    assert (record["level"], record["message"]) == ("Level 27", "it happened")


@pytest.mark.parametrize("as_json", [False, True])
def test_an_exception_crosses_with_its_trace(err: Err, *, as_json: bool) -> None:
    def at_first_hand() -> None:
        try:
            fail("one\n" + "x" * 10_000)
        except ValueError as error:
            logger.opt(exception=error).error("it failed")

    logs.set_up(Settings(), relayed=True)
    at_first_hand()
    line = relayed(err)
    logs.set_up(Settings(log_json=as_json))
    logs.relay(line, "-")
    at_first_hand()
    relayed_lines, own = err.text().split(line)[1].lstrip("\n").split("it failed")[1:]
    assert ours(relayed_lines) == ours(own)
    assert "ValueError: one" in own


def ours(text: str) -> list[str]:
    """A trace's lines, without what came before the next event."""
    return [line for line in text.replace("\\n", "\n").split("\n") if line.startswith("  ")]


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
    assert record["message"] == logs.plain(line)


def test_what_is_printed_steers_no_terminal(err: Err) -> None:
    logs.set_up(Settings())
    logs.relay("\x1b[2Jred\a {braces} <red>markup</red>", "s-1")
    assert "\\x1b[2Jred\\x07 {braces} <red>markup</red>" in relayed(err)


FORGED = (
    "x\n12:00:00.000 INFO    w0 - all is well\r\x1b]0;title\x07\x1b[2J\u202egnp.exe\u2028\x85\x9b31m\udc80"
)
SHOWN = (
    r"x\n12:00:00.000 INFO    w0 - all is well\r\x1b]0;title\x07\x1b[2J\u202egnp.exe\u2028\x85\x9b31m\udc80"
)


def by_loguru(text: str) -> None:
    logger.warning("a device says {}", text)


def by_the_standard_library(text: str) -> None:
    logging.getLogger("aiortc").warning("a device says %s", text)


def raw(text: str) -> None:
    logger.opt(raw=True).warning("a device says {}", text)


SAYERS = [by_loguru, by_the_standard_library, raw]


@pytest.mark.parametrize("say", SAYERS)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_a_stranger_says_is_one_line_that_commands_no_terminal(
    err: Err, say: Callable[[str], None], *, as_json: bool
) -> None:
    logs.set_up(Settings(log_json=as_json))
    say(FORGED)
    text = err.text().removesuffix("\n")
    assert text.isprintable()
    if not as_json or say is raw:
        assert text.endswith(f"a device says {SHOWN}")
    else:
        assert json.loads(text)["message"] == f"a device says {SHOWN}"


@pytest.mark.parametrize("say", SAYERS)
@pytest.mark.parametrize("letter", ["x", "\n", "\U000e0001"])
def test_a_long_line_is_cut_and_says_so(err: Err, say: Callable[[str], None], letter: str) -> None:
    logs.set_up(Settings())
    say(letter * 1_000_000)
    text = err.text()
    assert len(text) < logs.MAX_MESSAGE + 200
    assert text.endswith(("… (cut; 1,000,014 characters)\n", "… (cut; 1,000,014 characters)"))


def fail(text: str) -> None:
    raise ValueError(text)


def test_a_trace_stays_readable_and_no_line_of_it_looks_like_ours(err: Err) -> None:
    logs.set_up(Settings())
    try:
        fail(FORGED + "\n" + FORGED)
    except ValueError as error:
        logger.opt(exception=error).error("bot died")
    first, *rest = err.text().removesuffix("\n").split("\n")
    assert first.endswith("bot died")
    assert rest[0] == "  Traceback (most recent call last):"
    assert any("in fail" in line for line in rest)
    assert "    ValueError: x" not in rest
    assert "  ValueError: x" in rest
    for line in rest:
        assert line.isprintable()
        assert line.startswith("  ")


@pytest.mark.parametrize("text", ["x" * 1_000_000, "x\n" * 100_000])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_trace_is_cut_and_keeps_its_beginning_and_end(err: Err, text: str, *, as_json: bool) -> None:
    logs.set_up(Settings(log_json=as_json))
    try:
        fail(text + "\nthe end")
    except ValueError as error:
        logger.opt(exception=error).error("bot died")
    written = err.text()
    assert len(written) < 100_000
    trace = json.loads(written)["trace"] if as_json else written
    assert "in fail" in trace
    assert "the end" in trace
    assert "left out" in trace or "cut" in trace


def test_a_flood_is_held_back_whatever_it_says(err: Err) -> None:
    logs.set_up(Settings())
    for number in range(1_000):
        logging.getLogger("aiortc").warning("nonsense %d", number)
        logger.info("nonsense {}", number)
    assert len(err.text().splitlines()) == 2 * EACH_BURST


class Unfinished:
    """Whose finaliser fails."""

    def __del__(self) -> None:
        fail("the finaliser")


def deep(levels: int) -> None:
    """Fails below a trace that is longer than what of a flood is written."""
    deep(levels - 1) if levels else fail("the cause")


def test_what_fails_where_nobody_sees_it_is_one_event_with_its_cause(err: Err) -> None:
    """In a bot's thread, in a finaliser, or at the end: line by line the flood would be held back before the cause."""
    logs.set_up(Settings(), relayed=True)
    thread = threading.Thread(target=deep, args=(2 * EACH_BURST,), name="own")
    thread.start()
    thread.join()
    Unfinished()
    lines = [line for line in err.text().splitlines() if line]
    assert ("thread own has ended" in lines[0], "the cause" in lines[0]) == (True, True)
    assert "the finaliser" in lines[1]
    assert len(lines) == 2
