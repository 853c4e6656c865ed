"""`voicegw build`: the firmware, with an ESP-IDF that is installed or in Espressif's container."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.markup import escape

from ground import text
from ground.terminal import err, out
from tools import findings, report
from tools.errors import BuildError
from tools.releases import maker, signing
from tools.releases.release import BUILD

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
FIRMWARE = BUILD.parent
_BOARDS = FIRMWARE / "components" / "boards"
_CONTAINER = "docker.io/espressif/idf:v5.5"
_HOW = (
    "install Docker or Podman and run this again (it takes the image "
    + _CONTAINER
    + "), or install ESP-IDF 5.5:\n"
    "  git clone -b release/v5.5 --depth 1 --recursive --shallow-submodules "
    "https://github.com/espressif/esp-idf ~/esp/esp-idf\n"
    "  ~/esp/esp-idf/install.sh {chip}\n"
    "then run this again; on Windows: dl.espressif.com/dl/esp-idf"
)


@app.command()
def build(
    board: Annotated[str, typer.Option(help="Which board to build for.")],
    container: Annotated[
        bool, typer.Option("--container", help="In the container, even if ESP-IDF is there.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be run.")] = False,
) -> None:
    """Build the firmware into firmware/build/BOARD, as a release that `voicegw flash` takes."""

    def run() -> int:
        for command in plan(board, chip_of(board), container=container, makers=_makers(make=not dry_run)):
            out.print(f"[dim]{escape(shlex.join(command))}[/]")
            if not dry_run:
                _run(command)
        if not dry_run:
            _sign(board)
        return report.OK

    report.guard(run)


def make(board: str, *, stdout: IO[str] | None = None) -> None:
    """Build a board's firmware into firmware/build/BOARD, as a release; `stdout` is where the build's output goes.

    Raises:
        BuildError: it cannot be built here, or the build failed. SignatureError: it cannot be signed.
    """
    for command in plan(board, chip_of(board), container=False, makers=_makers(make=True)):
        _run(command, stdout)
    _sign(board)


def _makers(*, make: bool) -> list[str]:
    """The keys that devices with this firmware take the next from."""
    is_new = not maker.existing()
    keys = maker.signers() if make else maker.existing()
    if keys and is_new:
        err.print(
            f"A key to sign your firmware with was made, {maker.place()}: keep a copy of it.", markup=False
        )
    return [maker.public(key) for key in keys]


def _sign(board: str) -> None:
    signing.sign(BUILD / board, maker.signers())


def boards() -> list[str]:
    """The boards that firmware can be built for."""
    return sorted(path.stem for path in _BOARDS.glob("*.toml"))


def chip_of(board: str) -> str:
    """The chip of a board.

    Raises:
        BuildError: there is no such board; names those that are.
    """
    return str(_facts(board)["chip"])


def is_emulated(board: str) -> bool:
    """Whether it is an emulator's: no chip has its Ethernet. As `chip_of`."""
    return str(_facts(board)["network"]) == "open_eth"


def _facts(board: str) -> dict[str, Any]:
    if not boards():
        raise BuildError(
            "this installation has no sources of the firmware", remedy="run it in a checkout of voicegw"
        )
    if board not in boards():
        raise BuildError(f"there is no board {board}", remedy=f"there are: {', '.join(boards())}")
    return text.read_toml(_BOARDS / f"{board}.toml")


def plan(board: str, chip: str, *, container: bool, makers: Sequence[str] = ()) -> list[Sequence[str]]:
    """The commands that build a board's firmware and make a release of it; `makers` are the keys that it knows.

    Raises:
        BuildError: there is neither ESP-IDF nor a container engine; says how to get one.
    """
    idf = None if container else findings.find_idf()
    keys = f" -D FIRMWARE_KEYS={','.join(makers)}" if makers else ""
    steps = f"idf.py -B build/{board} -D BOARD={board} -D IDF_TARGET={chip}{keys} build"
    build_it = _installed(idf, steps) if idf is not None else _contained(steps, chip)
    return [build_it, [sys.executable, str(FIRMWARE / "tools" / "release.py"), "--build", str(BUILD / board)]]


def _installed(idf: Path, steps: str) -> list[str]:
    if sys.platform == "win32":
        # Each word by itself: cmd does not understand how a quote within a word is passed on.
        return [
            "cmd",
            "/c",
            "cd",
            "/d",
            str(FIRMWARE),
            "&&",
            "call",
            str(idf / "export.bat"),
            "&&",
            *steps.split(),
        ]
    ready = "" if shutil.which("idf.py") else f". {shlex.quote(str(idf / 'export.sh'))} >/dev/null && "
    return ["bash", "-c", f"cd {shlex.quote(str(FIRMWARE))} && {ready}{steps}"]


def _contained(steps: str, chip: str) -> list[str]:
    engine = shutil.which("docker") or shutil.which("podman")
    if engine is None:
        raise BuildError(
            "there is no ESP-IDF here, and neither Docker nor Podman", remedy=_HOW.format(chip=chip)
        )
    user = ["--user", f"{os.getuid()}:{os.getgid()}"] if hasattr(os, "getuid") and "docker" in engine else []
    mount = ["-v", f"{FIRMWARE.parent}:/project", "-w", "/project/firmware", "-e", "HOME=/tmp"]
    return [engine, "run", "--rm", *user, *mount, _CONTAINER, "bash", "-c", steps]


def _run(command: Sequence[str], stdout: IO[str] | None = None) -> None:
    try:
        done = subprocess.run(command, stdout=stdout, check=False)
    except OSError as error:
        raise BuildError(f"{command[0]} cannot be run: {error.strerror}", remedy="install it") from None
    if done.returncode:
        raise BuildError(
            f"the build ended with status {done.returncode}", remedy="its first error stands above"
        )


if __name__ == "__main__":
    app()
