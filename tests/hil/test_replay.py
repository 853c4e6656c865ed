from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hil.__main__ import command
from hil.gateway import ROOT
from hil.path.link import CLEAR, Impairments
from hil.record import journal
from hil.record.journal import Journal, Step
from hil.replay import beside
from hil.replaying.test_replay import steps


def step(at: float, what: str, line: str = "", reply: Any = None) -> Step:
    return Step(at, what, line, reply)


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    kept = Journal()
    kept.note("link", up=Impairments(loss=0.1, blackouts=((1.0, 2.5),)), down=CLEAR, seed=3)
    kept.note("console", line="capture", reply={"gaps": 1})
    kept.write(tmp_path / "journal.json", test="test_x")
    assert journal.read(tmp_path / "journal.json") == ({"test": "test_x"}, kept.steps)


def replayed(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hil.replay", str(folder), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("no JSON", "Invalid JSON"),
        ("{}", "Input should be a valid list"),
        ('{"steps": [{"at": 1}]}', "0.what: Field required"),
        ('{"steps": [{"at": 1, "what": "link", "up": {"speed": 3}}]}', "0.up.speed: Unexpected"),
    ],
)
def test_a_journal_that_is_none_is_said_in_one_line(tmp_path: Path, written: str, fault: str) -> None:
    (tmp_path / "journal.json").write_text(written)
    done = replayed(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path / 'journal.json'} is no journal of a test; name a folder")
    assert fault in line
    assert not (tmp_path / "replayed").exists()


def test_a_folder_without_a_journal_and_a_word_that_nobody_takes_are_said(tmp_path: Path) -> None:
    done = replayed(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {tmp_path / 'journal.json'} cannot be read: it is not there\n")
    Journal().write(tmp_path / "journal.json")
    done = replayed(tmp_path, "--bakend", "simulated")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: unrecognized arguments: --bakend")


def test_what_is_replayed_is_the_tests_own_part_at_its_own_pace() -> None:
    recorded = [
        step(0.0, "console", "settings"),
        step(0.5, "begin"),
        step(0.7, "begin"),
        step(1.0, "console", "inject tone 500"),
        step(3.5, "console", "capture"),
        step(3.6, "end"),
        step(3.7, "console", "reconnect"),
    ]
    own = [(round(wait, 3), s.line) for wait, s in steps(recorded)]
    assert own == [(0.0, ""), (0.3, "inject tone 500"), (2.5, "capture")]


def test_figures_stand_beside_what_they_were() -> None:
    before = [step(1, "console", "inject tone 500", {}), step(2, "console", "capture", {"gaps": 0, "ms": 3})]
    now = [step(1, "console", "inject tone 500", {}), step(2, "console", "capture", {"gaps": 4, "ms": 3})]
    [line] = beside(before, now)
    assert line.split() == ["capture", "gaps", "0", "->", "4"]


def test_the_suite_is_what_runs_unless_a_test_is_named(tmp_path: Path) -> None:
    whole = command(tmp_path, ["-k", "echo"])
    one = command(tmp_path, ["hil/suite/test_echo.py::test_x"])
    assert whole[-1].endswith("hil/suite")
    assert one[-1] == "hil/suite/test_echo.py::test_x"
