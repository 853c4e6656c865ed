"""The page and the comparison, from data."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ground.trouble import Trouble
from hil.errors import Unusable
from hil.record.results import Measure, Parts, Result, Run, Series, read, runs_below
from hil.report import write_report
from hil.report.compare import compare, is_worse


def figure(value: float, most: float | None = 100.0, least: float | None = None) -> Measure:
    ok = (most is None or value <= most) and (least is None or value >= least)
    return Measure("echo_ms", "Echo, <median>", "ms", value, most, least, ok)


def run(value: float = 50.0, outcome: str = "passed") -> Run:
    at = [float(x) for x in np.arange(0, 10, 0.5)]
    echo = Result(
        "test_echo[a&b]", "Echo", outcome, 1.5, "it is <late>" if outcome == "failed" else "", "echo"
    )
    echo.measures.append(figure(value))
    echo.parts.append(Parts("Echo's parts", [("packet", 20.0), ("gateway", value)]))
    echo.series.append(Series("jitter_up", "ms", at, [value + x for x in at]))
    skipped = Result("test_display", "Display", "skipped", 0.0, "needs a board that has a display")
    facts = {"board": "host", "backend": "simulated", "firmware": "0.1.0", "began": "2026-01-01"}
    return Run(facts, [echo, skipped])


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    wanted = run()
    wanted.write(tmp_path)
    assert read(tmp_path) == wanted
    with pytest.raises(Trouble, match="it is not there"):
        read(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("", "Invalid JSON"),
        ("{}", "there is no test in it"),
        ("[]", "should be"),
        ('{"facts": {}, "results": [{"name": "of another version"}]}', "results.0.test"),
        ('{"facts": {}, "results": [{"test": "a", "capability": "b", "measures": 3}]}', "results.0.measures"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_file_that_is_no_record_says_so(tmp_path: Path, written: str, fault: str) -> None:
    (tmp_path / "results.json").write_text(written)
    with pytest.raises(Unusable, match=rf"is no record of a run; name a folder .*{fault}"):
        read(tmp_path)


def test_the_page_holds_everything_and_points_nowhere(tmp_path: Path) -> None:
    run(outcome="failed").write(tmp_path)
    text = write_report([tmp_path], tmp_path / "report.html").read_text()
    assert "1 of 1 tests failed" in text
    assert "it is &lt;late&gt;" in text
    assert "echo[a&amp;b]" in text
    assert "needs a board that has a display" in text
    assert "Echo, &lt;median&gt;" in text
    assert text.count("<svg") == 2
    assert not re.search(r"""(?:src|href)=["'](?!#)""", text)
    assert "@import" not in text
    assert "#010203" not in text, "a colour was not left to the page"


def test_no_two_shapes_share_an_identity(tmp_path: Path) -> None:
    for board, value in (("a", 50), ("b", 60)):
        run(value).write(tmp_path / board)
    text = write_report(runs_below(tmp_path), tmp_path / "report.html").read_text()
    names = re.findall(r'\bid="([^"]+)"', text)
    assert len(names) == len(set(names))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(names)


def test_a_regression_is_flagged_and_an_improvement_is_not(tmp_path: Path) -> None:
    run(50).write(tmp_path / "before")
    for name, value, expected in (("worse", 90.0, "1 regressions"), ("better", 20.0, "no regression")):
        run(value).write(tmp_path / name)
        page = write_report([tmp_path / name], tmp_path / f"{name}.html", against=tmp_path / "before")
        assert expected in page.read_text()


@pytest.mark.parametrize(
    ("before", "now", "worse"),
    [
        (figure(50), figure(58), False),  # a sixth more
        (figure(50), figure(75), True),
        (figure(1), figure(5), False),  # far from its budget
        (figure(75), figure(50), False),
        (figure(99, None, 90.0), figure(70, None, 90.0), True),
        (figure(70, None, 50.0), figure(99, None, 50.0), False),
        (figure(50), figure(float("nan")), True),
    ],
)
def test_worse_is_toward_the_bound_and_by_enough(before: Measure, now: Measure, worse: bool) -> None:
    assert is_worse(before, now) is worse


def test_a_test_that_passed_before_is_broken_now() -> None:
    assert compare(run(outcome="failed"), run()).broken == ("test_echo[a&b]",)
    assert compare(run(outcome="failed"), run(outcome="failed")).broken == ()
    assert compare(run(), None).regressions() == 0


def test_a_bench_is_a_page_of_all_its_boards(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run().write(tmp_path / name)
    assert [path.name for path in runs_below(tmp_path)] == ["a", "b"]
    text = write_report(runs_below(tmp_path), tmp_path / "report.html", against=tmp_path).read_text()
    assert text.count("<header") == 2
