"""Budgets are data: `budgets.toml`, with what differs by backend and by board."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ground import text
from ground.trouble import Trouble
from hil.errors import OverBudget, Unusable

FILE: Final = Path(__file__).parent / "budgets.toml"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a figure may be. `most` and `least` are None where there is no such bound."""

    name: str
    what: str
    unit: str
    most: float | None
    least: float | None

    def holds(self, value: float) -> bool:
        """Whether a value is inside; what is not a number never is."""
        if math.isnan(value):
            return False
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    def loosened(self, slack: float) -> Budget:
        """This one, or where it is read off a clock one that allows `slack` times as much."""
        if self.most is None or self.unit not in {"ms", "s", "ppm"}:
            return self
        return replace(self, most=self.most * slack)

    def check(self, value: float, cause: str = "") -> None:
        """Raises OverBudget, which says both figures and what the cause would be."""
        if not self.holds(value):
            because = f": {cause}" if cause else ""
            raise OverBudget(f"{self.what}: {_number(value)} {self.unit}, budget {self.limits()}{because}")

    def limits(self) -> str:
        """The bounds for people."""
        parts = [f"at least {_number(self.least)}"] if self.least is not None else []
        parts += [f"at most {_number(self.most)}"] if self.most is not None else []
        return f"{' and '.join(parts)} {self.unit}".strip()


def _number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


class Budgets:
    """All budgets that hold for one board.

    Args:
        backend: its kind.
        board: its name, as the board itself tells it.
        slack: by what the bounds of times are multiplied, on a machine that does other work besides.
        path: the file.

    Raises:
        Unusable: the file is not what it should be.
    """

    def __init__(self, backend: str, board: str = "", *, slack: float = 1.0, path: Path = FILE) -> None:
        try:
            raw = text.read_toml(path)
        except Trouble as error:
            raise Unusable(f"{error.message}; {error.remedy}") from None
        found = {name: _budget(name, entry, backend, board, path) for name, entry in raw.items()}
        self._budgets = {name: budget.loosened(slack) for name, budget in found.items()}

    def __getitem__(self, name: str) -> Budget:
        if name not in self._budgets:
            raise Unusable(f"no budget {name!r} in budgets.toml; add one, with `what`, `unit` and a bound")
        return self._budgets[name]

    def __iter__(self) -> Any:
        return iter(self._budgets.values())


def _budget(name: str, entry: dict[str, Any], backend: str, board: str, path: Path) -> Budget:
    own = {k: v for k, v in entry.items() if k not in {"backend", "board"}}
    own |= entry.get("backend", {}).get(backend, {}) | entry.get("board", {}).get(board, {})
    unknown = own.keys() - {"what", "unit", "most", "least"}
    if unknown or "what" not in own or own.keys().isdisjoint({"most", "least"}):
        raise Unusable(f"{path}: [{name}] wants `what`, `unit`, and `most` or `least`; found {sorted(own)}")
    return Budget(name, own["what"], own.get("unit", ""), own.get("most"), own.get("least"))
