"""The console's lines: sorted, waited for, and explained when they do not come."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil.backends import Backend
from hil.board import Board
from hil.console import Console
from hil.errors import BootLoop, Garbled, NotSeen, Refused, Silent
from hil.record.journal import Journal


class Line:
    """A board that answers each command from a script."""

    def __init__(self, log: Path, answers: dict[str, bytes]) -> None:
        self._log, self._answers = log, answers

    def __call__(self, text: str) -> None:
        self.say(self._answers.get(text.strip(), b""))

    def say(self, data: bytes) -> None:
        with self._log.open("ab") as file:
            file.write(data)


Make = Callable[..., tuple[Console, Line, Journal]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(answers: dict[str, bytes] | None = None, fate: str = "") -> tuple[Console, Line, Journal]:
        line, journal = Line(tmp_path / "log", answers or {}), Journal()
        return Console(line, tmp_path / "log", journal, lambda: fate), line, journal

    return made


def test_a_reply_is_told_from_log_and_events(make: Make) -> None:
    said = (
        b'I (1) x: log\r\n@evt {"event":"state","state":"live"}\r\n@ok {"state":"live"}\r\nI (2) y: more\r\n'
    )
    console, _, journal = make({"state": said})
    assert console.ask("state") == {"state": "live"}
    [event] = console.events
    assert event["state"] == "live"
    assert [(s.line, s.reply) for s in journal.steps] == [("state", {"state": "live"})]


def test_a_refusal_has_its_code(make: Make) -> None:
    console, _, _ = make({"do dance": b'@err {"error":"unknown_command","remedy":"help"}\n'})
    with pytest.raises(Refused, match="unknown_command") as refused:
        console.ask("do dance")
    assert refused.value.code == "unknown_command"


def test_silence_says_what_became_of_the_board_and_its_last_words(make: Make) -> None:
    console, line, _ = make(fate="its process ended by itself 1 times (signal 11)")
    line.say(b"Guru Meditation\n")
    with pytest.raises(Silent, match=r"signal 11.*Guru Meditation"):
        console.ask("state", 0.05)


def test_answers_to_what_was_asked_twice_are_let_pass(make: Make) -> None:
    late = b'@ok {"uptime_ms":5}\n' * 2
    console, _, _ = make({"settings": late + b'@ok {"volume":"70"}\n', "b": b'@ok {"n":2}\n'})
    console.catch_up()
    assert console.ask("b") == {"n": 2}


def test_a_late_reply_is_not_the_next_ones(make: Make) -> None:
    console, line, _ = make({"b": b'@ok {"n":2}\n'})
    with pytest.raises(Silent):
        console.ask("a", 0.02)
    line.say(b'@ok {"n":1}\n')
    assert console.ask("b") == {"n": 2}


def test_a_reply_that_is_cut_is_garbled(make: Make) -> None:
    console, _, _ = make({"state": b'@ok {"state":"li#}\n'})
    with pytest.raises(Garbled):
        console.ask("state")


def test_a_line_in_pieces_is_one_line(make: Make) -> None:
    console, line, _ = make()
    line.say(b'@evt {"event":"bot_')
    assert console.mark() == 0
    line.say(b'ready"}\n')
    assert console.wait(lambda e: e["event"] == "bot_ready", "bot", 1)


def test_secrets_stay_out_of_the_journal_and_of_errors(make: Make) -> None:
    console, _, journal = make({"settings set key hush": b"@ok {}\n"})
    console.ask("settings set key hush")
    with pytest.raises(Silent) as silent:
        console.ask("settings set password hush", 0.02)
    assert "hush" not in str(silent.value)
    assert "hush" not in json.dumps([s.line for s in journal.steps])


def test_what_does_not_come_is_named_with_what_came(make: Make) -> None:
    console, line, _ = make()
    line.say(b'@evt {"event":"state","state":"backoff","reason":"no_wifi"}\n')
    with pytest.raises(NotSeen, match=r"a call.*no_wifi"):
        console.wait(lambda e: e.get("state") == "live", "a call", 0.05)


def test_a_board_that_starts_again_and_again_is_a_boot_loop(make: Make) -> None:
    console, line, _ = make()
    line.say(b'@evt {"event":"state","state":"network"}\n' * 5)
    with pytest.raises(BootLoop, match="5 times"):
        console.wait(lambda e: e.get("state") == "live", "a call", 1)


def test_a_board_that_finds_no_gateway_for_long_is_none(make: Make) -> None:
    console, line, _ = make()
    for state in ("network", "discovery", "backoff") * 5:
        line.say(f'@evt {{"event":"state","state":"{state}"}}\n'.encode())
    with pytest.raises(NotSeen, match="a call"):
        console.wait(lambda e: e.get("state") == "live", "a call", 0.05)


class Still(Backend):
    """A board that the rig can only listen to."""

    def open(self, folder: Path) -> None:
        del folder

    def reset(self, dut: Any) -> None:
        del dut


def test_a_call_that_has_ended_is_not_the_one_that_is_waited_for(tmp_path: Path) -> None:
    line = Line(tmp_path / "log", {"state": b'@ok {"state":"signalling"}\n'})
    board = Board(Still(), Namespace(write=line), tmp_path / "log", Journal())
    line.say(b'@evt {"event":"state","state":"live"}\n@evt {"event":"state","state":"signalling"}\n')
    with pytest.raises(NotSeen, match="the board is live"):
        board.live(0.1)
    line = Line(
        tmp_path / "log", {"state": b'@ok {"state":"signalling"}\n@evt {"event":"state","state":"live"}\n'}
    )
    Board(Still(), Namespace(write=line), tmp_path / "log", Journal()).live(5.0)
