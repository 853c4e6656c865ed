"""The table's rows: each has its time, and so has the whole; one without a result counts as not the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROW_SECONDS: Final = 120.0
"""Over twice what the longest one, a cut of 25 s, takes on two idle cores."""
WHOLE_SECONDS: Final = 1_200.0
"""Twice what the whole takes there."""

Say = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. `differs` is given a folder of its own, and gives the lines in which two sides differ."""

    kind: str
    name: str
    differs: Callable[[Path], Awaitable[list[str]]]
    here_alone: str = ""
    """Why it is not compared: what Pipecat's own runner lacks for it."""


class NotRunError(Exception):
    """A row that this machine cannot run, and why: it is told, and counts neither way."""


def one_line(error: BaseException) -> str:
    """What went wrong, for a row."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines)[-300:]}" if lines else type(error).__name__


@dataclass(slots=True)
class Table:
    """Rows, and what has come of them so far."""

    rows: Sequence[Row]
    say: Say
    same: list[Row] = field(default_factory=list)

    not_run: list[Row] = field(default_factory=list)

    async def fill(self, directory: Path, seconds: float = WHOLE_SECONDS, at_once: int = 1) -> None:
        """Run all, so many at once; those that no time is left for are told as well."""
        end = asyncio.get_running_loop().time() + seconds
        turns = asyncio.Semaphore(at_once)

        async def run(row: Row) -> None:
            async with turns:
                await self._run(row, directory / f"{row.kind}-{row.name}".replace("/", "-"), end)

        async with asyncio.TaskGroup() as group:
            for row in self.rows:
                group.create_task(run(row), name=row.name)

    async def _run(self, row: Row, directory: Path, end: float) -> None:
        alone = f", here alone: {row.here_alone}" if row.here_alone else ""
        try:
            differs = await _result(row, directory, end)
        except NotRunError as error:
            self.not_run.append(row)
            self.say(f"{row.kind:8} {row.name:30} not run: {error}")
            return
        if not differs:
            self.same.append(row)
        self.say(f"{row.kind:8} {row.name:30} {'differs' if differs else 'same'}{alone}", *differs)

    @property
    def all_same(self) -> bool:
        """Whether nothing differs, and nothing is missing."""
        return len(self.same) + len(self.not_run) == len(self.rows)

    def summary(self) -> str:
        """How many of each kind are the same; what had no turn is none of those."""
        run = [row for row in self.rows if row not in self.not_run]
        kinds = dict.fromkeys(row.kind for row in self.rows)
        return " ".join(f"{kind}s same={_count(self.same, kind)} of {_count(run, kind)}" for kind in kinds)


def _count(rows: Sequence[Row], kind: str) -> int:
    return sum(row.kind == kind for row in rows)


async def _result(row: Row, directory: Path, end: float) -> list[str]:
    now = asyncio.get_running_loop().time()
    if now >= end:
        return ["no result: no time was left"]
    directory.mkdir(parents=True, exist_ok=True)
    try:
        async with asyncio.timeout_at(min(now + ROW_SECONDS, end)) as limit:
            return await row.differs(directory)
    except NotRunError:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever it is, the row has no result, and the others go on
        late = isinstance(error, TimeoutError) and limit.expired()
        return ["no result: it took too long" if late else f"no result: {one_line(error)}"]
