"""`python -m hil.replay DIR`: does again what a recorded test did, against today's gateway, and shows both."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

from ground import folders, terminal
from hil.__main__ import Parser, check_words, command, finished, leave
from hil.gateway import ROOT
from hil.record import journal
from hil.record.journal import Step

_TELLING: Final = {"capture", "capture start", "figures"}
_FIGURES: Final = (
    "round_trip_us", "sound_percent", "tone_mhz", "tone_percent", "gaps", "longest_gap_ms", "clicks",
    "heap_free", "lost", "concealed", "fec", "underruns", "jitter_us", "rtt_us", "playout_us",
)  # fmt: skip


def main() -> int:
    """Replay a folder of evidence; gives pytest's exit status."""
    parser = Parser(prog="python -m hil.replay", description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", type=Path, help="a test's folder of an earlier run")
    options, rest = parser.parse_known_args()
    recorded = options.folder / "journal.json"
    before = journal.read(recorded)[1]
    inside = Path(__file__).parent / "replaying"
    rest += [str(inside), "--recorded", str(recorded.resolve())]
    check_words(rest)
    again = folders.ready(options.folder / "replayed", setting="the folder", mode=0o777).resolve()
    status = finished(subprocess.Popen(command(again, rest), cwd=ROOT))
    for line in beside(before, _replayed(again)):
        terminal.out.verbatim(line)
    return status


def _replayed(again: Path) -> list[Step]:
    found = sorted(again.glob("*/journal.json"), key=lambda path: path.stat().st_mtime)
    return journal.read(found[-1])[1] if found else []


def own(recorded: list[Step]) -> list[Step]:
    """The steps of the test itself, without what its fixtures did before and after."""
    marks = [i for i, step in enumerate(recorded) if step.what == "begin"]
    ends = [i for i, step in enumerate(recorded) if step.what == "end"]
    return recorded[marks[-1] if marks else 0 : ends[0] if ends else None]


def beside(before: list[Step], now: list[Step]) -> list[str]:
    """Replies that tell figures, then and now, in the order of the commands."""
    lines = []
    replies = _replies(now)
    for (line, old), (_, new) in zip(_replies(before), replies, strict=False):
        told = [name for name in _FIGURES if name in old or name in new]
        lines += [f"{line:>24}  {name:16} {old.get(name)!s:>12} -> {new.get(name)!s}" for name in told]
    return lines


def _replies(steps: list[Step]) -> list[tuple[str, dict[str, Any]]]:
    return [(s.line, s.reply or {}) for s in own(steps) if s.what == "console" and s.line in _TELLING]


if __name__ == "__main__":
    leave(main)
