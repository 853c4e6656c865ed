"""What each attack got, and the worst gap of a legitimate call beside it, as the table that `make attack` ends with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from _pytest.terminal import TerminalReporter

from tests.sim.conftest import _built, _shared, echo

__all__ = ["_built", "_shared", "echo"]

_ROWS = pytest.StashKey[list["Row"]]()


@dataclass(frozen=True, slots=True)
class Row:
    """One attack. `gap_ms` is that of the call beside it, where there was one."""

    attack: str
    got: str
    gap_ms: float | None


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ROWS] = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A test without a row of its own has one by its name: what it got is whether it passed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    rows = item.config.stash[_ROWS]
    name = item.name.removeprefix("test_").replace("_", " ")
    if report.when == "call" and not any(row.attack == name for row in rows):
        rows.append(Row(name, "nothing" if report.passed else "SOMETHING: the test failed", None))


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Callable[[str, float | None], None]:
    """Say what the attack of this test got, and the gap of the call beside it."""

    def tell(got: str, gap_ms: float | None = None) -> None:
        name = request.node.name.removeprefix("test_").replace("_", " ")
        request.config.stash[_ROWS].append(Row(name, got, gap_ms))

    return tell


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[_ROWS]
    if not rows:
        return
    terminalreporter.section("attacks")
    for row in rows:
        gap = "" if row.gap_ms is None else f"{row.gap_ms:.0f} ms"
        terminalreporter.write_line(f"{row.attack[:96]:<96}  {row.got:<44}  {gap:>8}")
