"""What became worse since an earlier run. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from hil.record.results import Measure, Run

_NOTICED: Final = 0.2  # of the earlier value: machines and rooms differ from day to day
_OF_BUDGET: Final = 0.1  # and of the budget: far from it, a change of a little is still a little


@dataclass(frozen=True, slots=True)
class Change:
    """A figure beside its earlier self. `worse`: by enough to be a regression."""

    before: float
    now: float
    worse: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """With an earlier run; empty without one. Keys are (test, measure), and tests."""

    changes: dict[tuple[str, str], Change]
    broken: tuple[str, ...]
    since: str = ""

    def regressions(self) -> int:
        """How many there are."""
        return len(self.broken) + sum(change.worse for change in self.changes.values())


def compare(run: Run, earlier: Run | None) -> Comparison:
    """Beside each other, test by test and figure by figure."""
    if earlier is None:
        return Comparison({}, ())
    before = {(r.test, m.name): m for r in earlier.results for m in r.measures}
    passed = {r.test for r in earlier.results if r.outcome == "passed"}
    changes = {
        (r.test, m.name): Change(before[r.test, m.name].value, m.value, is_worse(before[r.test, m.name], m))
        for r in run.results
        for m in r.measures
        if (r.test, m.name) in before
    }
    broken = tuple(r.test for r in run.results if r.outcome == "failed" and r.test in passed)
    return Comparison(changes, broken, str(earlier.facts.get("began", "")))


def is_worse(before: Measure, now: Measure) -> bool:
    """Whether a figure moved toward its budget's bound by enough to be told."""
    if math.isnan(now.value) or math.isnan(before.value):
        return math.isnan(now.value) and not math.isnan(before.value)
    bound = now.most if now.most is not None else now.least
    step = now.value - before.value if now.most is not None else before.value - now.value
    return step > _NOTICED * abs(before.value) and step > _OF_BUDGET * abs(bound or 0.0)
