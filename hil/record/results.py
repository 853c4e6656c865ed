"""What a run found, as data: the report, a comparison and a CI farm read it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, TypeAdapter

from ground import folders
from hil.errors import Unusable
from hil.record import reading
from hil.record.budgets import Budget

FILE: Final = "results.json"
_WHAT: Final = "record of a run; name a folder that `make hil` wrote"
Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""As it is written: JSON knows no NaN."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure beside its budget."""

    name: str
    what: str
    unit: str
    value: Number
    most: float | None
    least: float | None
    ok: bool


@dataclass(frozen=True, slots=True)
class Series:
    """A figure over time, in seconds."""

    name: str
    unit: str
    at: list[Number]
    values: list[Number]


@dataclass(frozen=True, slots=True)
class Parts:
    """A time and what it is made of: (stage, milliseconds), in their order."""

    title: str
    stages: list[tuple[str, float]]


@dataclass(slots=True)
class Result:
    """One test. `outcome`: passed, failed, skipped; `message`: why it failed or was skipped."""

    test: str
    capability: str
    outcome: str = ""
    seconds: float = 0.0
    message: str = ""
    folder: str = ""
    measures: list[Measure] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    parts: list[Parts] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """All tests of one board; `facts` say which board, firmware, gateway, machine and when."""

    facts: dict[str, Any] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """As JSON in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(json.dumps(_plain(dataclasses.asdict(self)), indent=1))


def read(folder: Path) -> Run:
    """The run that a folder holds.

    Raises:
        Unusable: it holds none, or one of another version of the rig. Trouble: it cannot be read.
    """
    run = reading.read(folder / FILE, TypeAdapter(Run).validate_json, _WHAT)
    if not run.results:
        raise Unusable(f"{folder / FILE} is no {_WHAT} (there is no test in it)")
    return run


def runs_below(folder: Path) -> list[Path]:
    """The folders of runs in a folder: itself, or one for each board."""
    if folders.is_there(folder / FILE):
        return [folder]
    return [path.parent for path in folders.glob(folder, f"*/{FILE}")]


def _plain(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list) else value


class Measuring:
    """What a test calls to have a figure judged and kept.

    Args:
        result: of this test.
        budgets: of this board.
    """

    def __init__(self, result: Result, budgets: Any) -> None:
        self._result, self._budgets = result, budgets

    def __call__(self, name: str, value: float, cause: str = "") -> None:
        """Judge a figure by the budget of this name; `cause` is what a failure would mean.

        Raises:
            OverBudget: it is outside.
        """
        budget: Budget = self._budgets[name]
        ok = budget.holds(value)
        self._result.measures.append(
            Measure(name, budget.what, budget.unit, float(value), budget.most, budget.least, ok)
        )
        budget.check(value, cause)

    def parts(self, title: str, stages: Iterable[tuple[str, float]]) -> None:
        """Keep what a time is made of, in milliseconds."""
        self._result.parts.append(Parts(title, [(name, float(ms)) for name, ms in stages]))

    def series(self, name: str, unit: str, at: Iterable[float], values: Iterable[float]) -> None:
        """Keep a figure over time, for the report."""
        self._result.series.append(
            Series(name, unit, [round(float(x), 4) for x in at], [float(y) for y in values])
        )
