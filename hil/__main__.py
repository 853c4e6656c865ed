"""`python -m hil`: the suite on one board, or on a bench of boards at once; anything unknown goes to pytest."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from ground import folders, terminal
from ground.trouble import Trouble
from hil.errors import Unusable
from hil.gateway import ROOT
from hil.options import add_options, answers, check, said
from hil.record.results import FILE

_OWN: Final = Path(__file__).resolve().parent
_INI: Final = _OWN / "pytest.ini"
_SUITE: Final = _OWN / "suite"
_NOT_TAKEN: Final = 4  # pytest's statuses
_NOTHING_CHOSEN: Final = 5
_UNUSABLE, _INTERRUPTED = 2, 130


def main() -> int:
    """Run, and say where the report is; gives pytest's worst exit status."""
    parser = Parser(prog="python -m hil", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--port", type=said, action="append", default=[], help="of a board; again for each of a bench"
    )
    parser.add_argument("--qemu-prog-path", help=argparse.SUPPRESS)  # pytest-embedded's
    parser.add_argument(
        "--check", action="store_true", help="only look whether what the run asks for is here"
    )
    parser.add_argument(
        "--checked", action="store_true", help=argparse.SUPPRESS
    )  # by `make hil`, with --check
    add_options(parser.add_argument)
    options, unknown = parser.parse_known_args()
    ports = [port for given in options.port for port in given.replace(",", " ").split()]
    if options.port and not ports:
        raise Unusable("--port names no port; name the board's, such as --port /dev/ttyACM0")
    check(options, ports, qemu=options.qemu_prog_path)
    answers(options.gateway)
    rest = _rest(sys.argv[1:])
    if unknown and not options.checked:
        check_words(rest)
    if options.check:
        return 0
    run = options.run or ROOT / "build" / "hil" / f"{dt.datetime.now():%Y%m%d-%H%M%S}"  # noqa: DTZ005
    run = folders.ready(run, setting="--run", mode=0o777).resolve()
    if options.against is not None:
        rest += ["--against", str(options.against.resolve())]
    if len(ports) < 2:
        return finished(subprocess.Popen(command(run, [*_port(ports), *rest]), cwd=ROOT))
    return bench(run, ports, rest, options.against)


class Parser(argparse.ArgumentParser):
    """Says in one line what it does not take."""

    def error(self, message: str) -> NoReturn:
        """Raises Unusable."""
        raise Unusable(f"{message}; {self.prog} --help has all there is")


def check_words(rest: list[str]) -> None:
    """Look whether pytest takes what goes to it, and finds a test by it.

    Raises:
        Unusable: it does not; says which word.
    """
    looking = _pytest(["--collect-only", "-q", *rest])
    looked = subprocess.run(looking, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    said = [line for line in looked.stderr.splitlines() if "error: " in line.lower()]
    if looked.returncode == _NOTHING_CHOSEN:
        raise Unusable(
            f"no test of the suite is chosen by {shlex.join(rest)}; see which there are: --collect-only"
        )
    if looked.returncode == _NOT_TAKEN:
        fault = (
            re.split("error: ", said[-1], flags=re.IGNORECASE)[-1] if said else "pytest does not take that"
        )
        raise Unusable(f"{fault}; python -m hil --help has the rig's options, pytest --help has pytest's")


def finished(process: subprocess.Popen[bytes]) -> int:
    """The status of a pytest, once it is over: Ctrl-C reaches it too, and it has a board and a gateway to end."""
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()


def _rest(arguments: list[str]) -> list[str]:
    """What goes to pytest as it was given: all but what is said to it in our words."""
    ours = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--port", "--run", "--against"):
        ours.add_argument(name, action="append")
    for name in ("--check", "--checked"):
        ours.add_argument(name, action="store_true")
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
        worst = max(worst, finished(process))
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
    return _pytest(["--run", str(run), "--junitxml", str(run / "junit.xml"), *rest])


def _pytest(words: list[str]) -> list[str]:
    tests = (
        []
        if any(Path(word.partition("::")[0]).resolve().is_relative_to(_OWN) for word in words)
        else [str(_SUITE)]
    )
    return [sys.executable, "-m", "pytest", "-c", str(_INI), "--rootdir", str(_INI.parent), *words, *tests]


def _port(ports: list[str]) -> list[str]:
    return ["--port", ports[0]] if ports else []


def leave(run: Callable[[], int]) -> NoReturn:
    """Run it and leave with its status; what is wrong with what was given is one line, and status 2."""
    terminal.set_up()
    try:
        sys.exit(run())
    except (Unusable, Trouble) as error:
        more = f"\n{error.remedy}" if isinstance(error, Trouble) else ""
        terminal.err.print(f"error: {error}{more}", markup=False)
        sys.exit(_UNUSABLE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    leave(main)
