"""`make clean-machines`: makes the machines one after the other, and ends with the table."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clean_machines.machine import Machine, base
from clean_machines.registries import Registries
from clean_machines.rows import RELEASES, Row, rows
from clean_machines.visit import Failed, Visit

ROOT = Path(__file__).resolve().parents[2]
_HEAD = "| machine | Python | user | path | what | result | seconds |\n|---|---|---|---|---|---|---|\n"
_NEEDED = ("debootstrap", "unshare", "git", "ip")


def main() -> int:
    arguments = _arguments()
    chosen = [
        row
        for row in rows(tuple(arguments.test), arguments.python)
        if not arguments.row or row.name in arguments.row
    ]
    if missing := [name for name in _NEEDED if not shutil.which(name)]:
        print(
            f"error: {', '.join(missing)} not found\napt-get install -y debootstrap util-linux git iproute2",
            file=sys.stderr,
        )
        return 1
    if os.geteuid() != 0:
        print("error: machines in folders are made by root\nsudo make clean-machines", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the machines are removed on the way out
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = ROOT / "build" / "clean-machines"
    folder.mkdir(parents=True, exist_ok=True)
    table = _HEAD
    failed = False
    for row in chosen:
        line, passed = _row(row, folder)
        failed |= not passed
        table += line
        print(line, end="", flush=True)
    (folder / "table.md").write_text(table)
    print(f"\n{table}\n{folder / 'table.md'}")
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make clean-machines ARGS=", description=__doc__)
    parser.add_argument("--row", action="append", default=[], help="only this one; may be given again")
    parser.add_argument(
        "--test", action="append", default=[], help="a row that runs `make test` too, which takes long"
    )
    parser.add_argument("--python", default="", help="a Python of this machine to bring along, for PYTHON=")
    given = parser.parse_args()
    if given.python and not (os.path.isabs(given.python) and shutil.which(given.python)):  # noqa: PTH117
        parser.error(f"--python: there is no program {given.python}; give its whole path")
    known = [row.name for row in rows((), given.python)]
    if unknown := [name for name in (*given.row, *given.test) if name not in known]:
        parser.error(f"there is no row {', '.join(unknown)}; there are: {', '.join(known)}")
    return given


def _row(row: Row, folder: Path) -> tuple[str, bool]:
    began = time.monotonic()
    version = "?"
    try:
        with _visit(row, folder) as visit:
            version = _version(visit)
            try:
                row.happens(visit, folder)
            except Failed as problem:
                raise Failed(f"{problem}\n{visit.set_up_log()}") from problem
        result = f"passed (too slow to hear {visit.late} times)" if visit.late else "passed"
    except (Failed, subprocess.SubprocessError) as problem:
        log = folder / f"{row.name}.log"
        log.write_text(str(problem))
        result = f"**failed**: {log.relative_to(ROOT)}"
    path = "with space and umlaut" if " " in row.folder else "plain"
    cells = [
        RELEASES[row.suite],
        version,
        row.user,
        path,
        row.told,
        result,
        f"{time.monotonic() - began:.0f}",
    ]
    return f"| {' | '.join(cells)} |\n", result.startswith("passed")


@contextmanager
def _visit(row: Row, folder: Path) -> Iterator[Visit]:
    registries = Registries.here()
    brought = (str(Path(row.python).parents[1]),) if row.python else ()
    made_from = base(folder, row.suite)
    with Machine.of(made_from, folder / f"machine-{row.name}", (*registries.folders(), *brought)) as machine:
        registries.give(machine.root)
        visit = Visit(machine, row.user, row.folder, row.python)
        visit.clone(ROOT)
        yield visit


def _version(visit: Visit) -> str:
    said = visit.machine.run([visit.python or "python3", "--version"]).output.removeprefix("Python ").strip()
    return f"{said}, brought along" if visit.python else said


if __name__ == "__main__":
    sys.exit(main())
