"""Other programs: what they say and what they are called, in the log; why one can't be run."""

from __future__ import annotations

import fcntl
import io
import subprocess
import sys
from pathlib import Path

import pytest
from python_env import main
from python_env.problems import Problem
from python_env.programs import Programs

SET_UP = Path(__file__).parents[2] / "packaging" / "set_up.py"


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


@pytest.mark.parametrize("level", [[], [""], ["rum"], ["--with-this-python"]], ids=str)
def test_what_it_is_to_set_up_for_is_said(level: list[str]) -> None:
    done = subprocess.run([sys.executable, str(SET_UP), *level], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("error: set_up.py is not told what for\ngive one of: run, test, unchanged, lock\n")


@pytest.mark.parametrize("out", [">&-", ">/dev/full"])
def test_where_nothing_can_be_printed_the_set_up_goes_on(out: str) -> None:
    says = "from python_env.programs import say; say('one'); say('two'); open(2, 'w').write('done')"
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {out}', sys.executable, says],
        cwd=SET_UP.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "done")


def test_a_set_up_with_standard_output_closed_says_what_is_wrong() -> None:
    command = ["sh", "-c", '"$0" "$1" rum >&-', sys.executable, str(SET_UP)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "set_up.py is not told what for" in done.stderr


@pytest.mark.parametrize("option", ["--row", "--test"])
def test_a_clean_machine_that_there_is_not_is_said_before_any_is_made(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clean_machines", option, "bullseye"],
        cwd=SET_UP.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no row bullseye; there are: 12, 13," in done.stderr
