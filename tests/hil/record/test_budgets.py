from __future__ import annotations

import ast
import math
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from hil.errors import OverBudget, Unusable
from hil.record.budgets import FILE, Budgets
from hil.record.results import Measuring, Result

SUITE = FILE.parents[1] / "suite"
TEXT = """
[echo_ms]
what = "Echo"
unit = "ms"
most = 100
backend.serial.most = 200
board.slow.most = 300

[level]
what = "Level"
least = -40
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "budgets.toml"
    file.write_text(TEXT)
    return file


@pytest.mark.parametrize(
    ("backend", "board", "most"),
    [("simulated", "", 100), ("serial", "", 200), ("serial", "slow", 300), ("serial", "fast", 200)],
)
def test_the_board_wins_over_the_backend(path: Path, backend: str, board: str, most: float) -> None:
    assert Budgets(backend, board, path=path)["echo_ms"].most == most


def test_a_figure_outside_is_told_with_its_budget_and_cause(path: Path) -> None:
    result = Result("t", "c")
    measure = Measuring(result, Budgets("simulated", path=path))
    measure("echo_ms", 99)
    with pytest.raises(OverBudget, match="Echo: 130 ms, budget at most 100 ms: the buffer grows"):
        measure("echo_ms", 130, "the buffer grows")
    with pytest.raises(OverBudget, match="at least -40"):
        measure("level", -60)
    assert [(m.value, m.ok) for m in result.measures] == [(99, True), (130, False), (-60, False)]


def test_what_is_no_number_never_holds(path: Path) -> None:
    assert not Budgets("simulated", path=path)["echo_ms"].holds(math.nan)


@pytest.mark.parametrize(
    "text", ["[x]\nwhat = 'X'\n", "[x]\nmost = 1\n", "[x]\nwhat = 'X'\nmots = 1\n", "[x"]
)
def test_a_budget_without_a_bound_or_a_name_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "b.toml"
    file.write_text(text)
    with pytest.raises(Unusable):
        Budgets("simulated", path=file)


def test_no_number_in_the_suite_is_a_budget_and_no_budget_is_idle() -> None:
    """Each name that a test measures is in budgets.toml, and each there is measured."""
    known = {budget.name for budget in Budgets("simulated")}
    measured = {pattern for path in SUITE.glob("*.py") for pattern in _measured(path)}
    for name in known:
        assert any(_fits(name, pattern) for pattern in measured), f"{name} is measured by no test"
    for pattern in measured:
        assert any(_fits(name, pattern) for name in known), f"{pattern} has no budget"


def _measured(path: Path) -> list[tuple[str, ...]]:
    """The first argument of each call of `measure`, as the fixed parts of its text."""
    found: list[tuple[str, ...]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "measure":
            name = node.args[0]
            if isinstance(name, ast.JoinedStr):
                found.append(tuple(p.value if isinstance(p, ast.Constant) else "*" for p in name.values))  # type: ignore[misc]
            else:
                found.append((ast.literal_eval(name),))
    return found


def _fits(name: str, pattern: tuple[str, ...]) -> bool:
    return fnmatchcase(name, "".join(pattern))


def test_slack_is_for_what_is_read_off_a_clock() -> None:
    strict, kind = Budgets("simulated"), Budgets("simulated", slack=4.0)
    assert kind["echo_ms"].most == 4 * (strict["echo_ms"].most or math.nan)
    assert kind["clock_ppm"].most == 4 * (strict["clock_ppm"].most or math.nan)
    assert kind["gaps"] == strict["gaps"]
    assert kind["tone_percent"] == strict["tone_percent"]
