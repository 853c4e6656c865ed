from __future__ import annotations

import pytest

from gateway.cli_common import plain
from tools import report

STRANGE = ["[/] attic", "[5G] attic", "[bold]attic", "30:ed:a0:ab:cd:ef"]


@pytest.mark.parametrize("text", STRANGE)
def test_what_a_stranger_calls_himself_is_shown_as_it_is(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report.out.print(report.table(("network",), [(text,)]))
    with report.ForPeople() as shown:
        shown.step("chip", text)
    report.out.print(f"[bold]{plain(text)}[/]")
    table, step, line = capsys.readouterr().out.splitlines()[1:]
    assert (table.strip(), step.split(None, 1)[1], line) == (text, text, text)
