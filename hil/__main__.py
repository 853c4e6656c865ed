"""`python -m hil`: the suite on one board, or on a bench of boards at once; anything unknown goes to pytest."""

from __future__ import annotations

import argparse
import datetime as dt
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from ground import folders, terminal
from ground.trouble import Trouble
from hil.errors import Unusable
from hil.gateway import ROOT
from hil.options import add_options, check
from hil.record.results import FILE

_OWN: Final = Path(__file__).resolve().parent
_INI: Final = _OWN / "pytest.ini"
_SUITE: Final = _OWN / "suite"


def main() -> int:
    """Run, and say where the report is; gives pytest's worst exit status."""
    parser = argparse.ArgumentParser(prog="python -m hil", description=__doc__, allow_abbrev=False)
    parser.add_argument("--port", action="append", default=[], help="of a board; again for each of a bench")
    parser.add_argument("--qemu-prog-path", help=argparse.SUPPRESS)  # pytest-embedded's
    parser.add_argument(
        "--check", action="store_true", help="only look whether what the run asks for is here"
    )
    add_options(parser.add_argument)
    options, _ = parser.parse_known_args()
    ports = [port for given in options.port for port in given.replace(",", " ").split()]
    check(options, ports, qemu=options.qemu_prog_path)
    if options.check:
        return 0
    run = (options.run or ROOT / "build" / "hil" / f"{dt.datetime.now():%Y%m%d-%H%M%S}").resolve()  # noqa: DTZ005
    folders.ready(run, setting="--run", mode=0o777)
    rest = _rest(sys.argv[1:])
    if options.against is not None:
        rest += ["--against", str(options.against.resolve())]
    if len(ports) < 2:
        return subprocess.call(command(run, [*_port(ports), *rest]), cwd=ROOT)
    return bench(run, ports, rest, options.against)


def _rest(arguments: list[str]) -> list[str]:
    """What goes to pytest as it was given: all but what is said to it in our words."""
    ours = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--port", "--run", "--against"):
        ours.add_argument(name, action="append")
    return ours.parse_known_args(arguments)[1]


def bench(run: Path, ports: list[str], rest: list[str], against: Path | None) -> int:
    """All boards at once, a process each; one page of all."""
    started = []
    for port in ports:
        folder = run / re.sub(r"\W+", "-", port).strip("-")
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "pytest.log").open("wb") as log:
            own = command(folder, [*_port([port]), *rest])
            started.append((port, folder, subprocess.Popen(own, cwd=ROOT, stdout=log, stderr=log)))
    worst = 0
    for port, folder, process in started:
        worst = max(worst, process.wait())
        last = (folder / "pytest.log").read_text(errors="replace").strip().splitlines()[-1:]
        terminal.out.verbatim(f"{port}: {''.join(last).strip('= ')}")
    _page_of_all(run, against)
    return worst


def _page_of_all(run: Path, against: Path | None) -> None:
    from hil.report import write_report  # noqa: PLC0415 -- matplotlib takes a second

    folders = sorted(path.parent for path in run.glob(f"*/{FILE}"))
    if folders:
        page = write_report(folders, run / "report.html", against=against)
        terminal.out.verbatim(f"report: {page}")


def command(run: Path, rest: list[str]) -> list[str]:
    """Pytest for one board."""
    own = [
        "-c",
        str(_INI),
        "--rootdir",
        str(_INI.parent),
        "--run",
        str(run),
        "--junitxml",
        str(run / "junit.xml"),
    ]
    tests = (
        []
        if any(Path(word.partition("::")[0]).resolve().is_relative_to(_OWN) for word in rest)
        else [str(_SUITE)]
    )
    return [sys.executable, "-m", "pytest", *own, *rest, *tests]


def _port(ports: list[str]) -> list[str]:
    return ["--port", ports[0]] if ports else []


if __name__ == "__main__":
    terminal.set_up()
    try:
        sys.exit(main())
    except (Unusable, Trouble) as error:
        more = f"\n{error.remedy}" if isinstance(error, Trouble) else ""
        terminal.err.print(f"error: {error}{more}", markup=False)
        sys.exit(2)
