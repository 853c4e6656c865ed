"""What a test did to its board and its link, so that it can be done again."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil.path.link import Impairments


@dataclass(frozen=True, slots=True)
class Step:
    """One action.

    `at`: seconds since the test began; `what`: `console`, `link`, `reset`, `power`; `reply`: the console's.
    """

    at: float
    what: str
    line: str = ""
    reply: Any = None
    up: Impairments | None = None
    down: Impairments | None = None
    seed: int = 0


@dataclass(slots=True)
class Journal:
    """Steps in their order."""

    began: float = field(default_factory=time.monotonic)
    steps: list[Step] = field(default_factory=list)

    def note(self, what: str, **more: Any) -> None:
        """Add a step that happens now."""
        self.steps.append(Step(time.monotonic() - self.began, what, **more))

    def write(self, path: Path, **facts: Any) -> None:
        """Everything, with facts about the run beside it."""
        steps = [dataclasses.asdict(step) for step in self.steps]
        path.write_text(json.dumps({**facts, "steps": steps}, indent=1))


def read(path: Path) -> tuple[dict[str, Any], list[Step]]:
    """The facts and the steps of a journal."""
    facts = json.loads(path.read_text())
    return facts, [_step(raw) for raw in facts.pop("steps")]


def _step(raw: dict[str, Any]) -> Step:
    for way in ("up", "down"):
        if raw[way] is not None:
            blackouts = tuple(tuple(span) for span in raw[way].pop("blackouts"))
            raw[way] = Impairments(**raw[way], blackouts=blackouts)
    return Step(**raw)
