"""Other programs: what they say and what they are called, in the log; why one can't be run."""

from __future__ import annotations

import fcntl
import io
from pathlib import Path

import pytest
from python_env import main
from python_env.problems import Problem
from python_env.programs import Programs


def test_a_name_in_another_encoding_stands_in_the_log(tmp_path: Path) -> None:
    programs = Programs(tmp_path)
    programs.run("echo", ["echo", "m\udcfcll"], {})
    programs.note("m\udcfcll")
    assert programs.log.read_text("utf-8").count("m\\udcfcll") == 2


def test_a_program_that_may_not_be_run_here_is_said(tmp_path: Path) -> None:
    program = tmp_path / "uv"
    program.touch(mode=0o644)
    with pytest.raises(Problem, match="can't be run: Permission denied") as caught:
        Programs(tmp_path).run("uv", [str(program)], {})
    assert "noexec" in caught.value.remedy


def test_one_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        Programs(tmp_path).run("uv", [str(tmp_path / "uv")], {})
    assert caught.value.remedy.startswith("make clean")


def test_another_set_up_is_waited_for_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def flock(_: object, how: int) -> None:
        asked.append(how)
        if how & fcntl.LOCK_NB:
            raise BlockingIOError

    monkeypatch.setattr(fcntl, "flock", flock)
    main._wait_for(io.StringIO())
    assert asked == [fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_EX]
    assert "another set-up of this folder is under way" in capsys.readouterr().out
