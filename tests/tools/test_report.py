from __future__ import annotations

import subprocess
import sys

import pytest
from rich.markup import escape

from ground.terminal import out
from tests.tools import boards
from tools import report

STRANGE = ["[/] attic", "[5G] attic", "[bold]attic", "30:ed:a0:ab:cd:ef"]


@pytest.mark.parametrize("text", STRANGE)
def test_what_a_stranger_calls_himself_is_shown_as_it_is(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out.print(report.table(("network",), [(text,)]))
    with report.ForPeople() as shown:
        shown.step("chip", text)
    out.print(f"[bold]{escape(text)}[/]")
    table, step, line = capsys.readouterr().out.splitlines()[1:]
    assert (table.strip(), step.split(None, 1)[1], line) == (text, text, text)


def test_a_pipe_that_knows_no_marks_of_ours_is_written_to_all_the_same() -> None:
    script = "from tools import report; report.guard(lambda: report.terminal.out.print('\\u2713 live'))"
    environment = boards.environment({"PYTHONIOENCODING": "cp1252"})
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=boards.ROOT, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, b"+ live"), done.stderr
