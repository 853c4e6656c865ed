"""What a test did to its board and its link, so that it can be done again."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter

from hil.path.link import Impairments
from hil.record import reading


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


_FACTS: Final = TypeAdapter(dict[str, Any])
_STEPS: Final = TypeAdapter(
    list[Step], config=ConfigDict(extra="forbid")
)  # one that is not known can't be done again


def read(path: Path) -> tuple[dict[str, Any], list[Step]]:
    """The facts and the steps of a journal.

    Raises:
        Unusable: it is none, or of another version of the rig. Trouble: it cannot be read.
    """
    return reading.read(path, _kept, "journal of a test; name a folder that the rig wrote for one")


def _kept(written: str) -> tuple[dict[str, Any], list[Step]]:
    facts = _FACTS.validate_json(written)
    return facts, _STEPS.validate_python(facts.pop("steps", None))
