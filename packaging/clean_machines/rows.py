"""The rows of the table: which machine, who, where, and what happens there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clean_machines import later
from clean_machines.registries import set_pip
from clean_machines.visit import Failed, Visit

PLAIN = "/opt/voicegw"
ODD = "/home/maker/Wörk in progress/voice gw"
PHASES = (" -m venv ", "requirements-uv.lock", "requirements.lock", " -e .")
RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13", "sid": "Debian sid"}


@dataclass(frozen=True, slots=True)
class Row:
    """One clean machine."""

    name: str
    suite: str
    happens: Callable[[Visit, Path], None]
    told: str
    user: str = "root"
    folder: str = PLAIN
    python: str = ""  # PYTHON=, for one that is not the release's own


def two_commands(visit: Visit, _: Path) -> None:
    visit.talk()
    visit.serve()


def tested(visit: Visit, scratch: Path) -> None:
    two_commands(visit, scratch)
    done = visit.make("test")
    if done.status != 0:
        raise Failed(done.output)


def a_year_later(visit: Visit, scratch: Path) -> None:
    """The files of the lock files are fetched first, by pip, from the real index."""
    visit.talk()
    for lock in ("requirements.lock", "packaging/requirements-uv.lock", "packaging/requirements-build.lock"):
        fetch = [
            ".venv/bin/pip",
            "download",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "--require-hashes",
            "-r",
            lock,
        ]
        done = visit.machine.run([*fetch, "-d", "/srv/files"], folder=visit.folder)
        if done.status != 0:
            raise Failed(done.output)
    with later.index(visit.machine.root / "srv" / "files") as address:
        set_pip(visit.machine.root, {"index-url": address})
        visit.machine.run(["rm", "-rf", f"{visit.folder}/.venv", "/root/.cache"])
        two_commands(visit, scratch)


def broken_off(visit: Visit, _: Path) -> None:
    for phase in PHASES:
        visit.break_off(phase)
    visit.talk()


def half_made(visit: Visit, _: Path) -> None:
    """What an older set-up left where python3-venv was missing."""
    half = visit.machine.run(["python3", "-m", "venv", ".venv"], folder=visit.folder)
    if half.status == 0 or not (visit.place / ".venv").exists():
        raise Failed("python3 -m venv was to leave a half one")
    visit.talk()


def moved(visit: Visit, _: Path) -> None:
    visit.talk()
    visit.machine.run(["mv", visit.folder, "/opt/an dere Stelle, später"])
    visit.folder = "/opt/an dere Stelle, später"
    visit.talk()


def python_gone(visit: Visit, _: Path) -> None:
    """As after an upgrade of the release: what .venv was made with is not there any more."""
    visit.talk()
    visit.machine.run(["ln", "-sfn", "/usr/bin/python3.9", f"{visit.folder}/.venv/bin/python3"])
    visit.talk()


def in_trouble(visit: Visit, _: Path) -> None:
    """No network, then no room: each is said with a remedy, and mended it works."""
    visit.talk()
    visit.machine.run(["rm", "-rf", f"{visit.folder}/.venv", "/root/.cache"])
    said = visit.make("talk", alone=True).output
    if "could not be fetched" not in said or "look at the network" not in said:
        raise Failed(said)
    copied = f"cp -a '{visit.folder}' /small/vg && cd /small/vg && make talk"
    said = visit.machine.run(["sh", "-c", copied]).output
    if "the disk is full" not in said or "make room" not in said:
        raise Failed(said)
    visit.talk()


def rows(tests: tuple[str, ...], brought: str) -> list[Row]:
    """The table's rows.

    Args:
        tests: the names of rows that also run `make test`.
        brought: a Python that someone brought along, for PYTHON=; "" for none.
    """
    both = "`make talk`, `make run`"
    plain = [
        Row("12", "bookworm", two_commands, both),
        Row("13", "trixie", two_commands, both),
        Row("12-user", "bookworm", two_commands, f"{both}, after the line for root", "maker", ODD),
        Row("13-user", "trixie", two_commands, f"{both}, after the line for root", "maker", ODD),
        Row("sid", "sid", two_commands, both),
        Row("12-later", "bookworm", a_year_later, f"{both}, a year's releases later"),
        Row("12-broken", "bookworm", broken_off, "`make talk`, after a set-up killed in each of four phases"),
        Row(
            "13-half", "trixie", half_made, "`make talk`, over a .venv made without python3-venv", folder=ODD
        ),
        Row("12-moved", "bookworm", moved, "`make talk`, in a folder that was moved"),
        Row("13-gone", "trixie", python_gone, "`make talk`, with the Python under .venv gone"),
        Row("13-trouble", "trixie", in_trouble, "no network, then a full disk: named; then `make talk`"),
    ]
    if brought:
        plain.append(Row("12-brought", "bookworm", two_commands, f"{both} with PYTHON=", python=brought))
    return [_with_tests(row) if row.name in tests else row for row in plain]


def _with_tests(row: Row) -> Row:
    return Row(row.name, row.suite, tested, f"{row.told}, `make test`", row.user, row.folder, row.python)
