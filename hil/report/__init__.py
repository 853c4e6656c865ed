"""The page of a run: one file, without a link to anything outside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hil.record.results import read, runs_below
from hil.report.compare import compare
from hil.report.page import page


def write_report(folders: Sequence[Path], path: Path, *, against: Path | None = None) -> Path:
    """Write the page of one run, or of a bench of boards, beside an earlier one if that is given.

    Args:
        folders: of the runs, one a board.
        path: of the page.
        against: the folder of an earlier run, or of a bench.

    Raises:
        Unusable: a folder holds no run.
    """
    earlier = {run.facts.get("board"): run for run in map(read, runs_below(against))} if against else {}
    runs = []
    for folder in folders:
        run = read(folder)
        runs.append((folder, run, compare(run, earlier.get(run.facts.get("board")))))
    path.write_text(page(runs))
    return path
