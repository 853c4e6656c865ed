"""Which firmware a board gets: of a source that was named, built now, built before, or published."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from ground.terminal import err, out
from tools import build
from tools.errors import BuildError, FlashError, ImageError
from tools.esp import esptool_process
from tools.esp.esptool_process import Chip
from tools.releases import choice, image, own, sources
from tools.releases.release import BUILD, Release
from tools.report import Report

_APP = 0x20000
"""Where firmware begins on every board (docs/boards.md, The flash)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user said: a source, or that it be built, and for which board."""

    image: str | None = None
    build: bool = False
    board: str | None = None


@dataclass(frozen=True, slots=True)
class There:
    """The board that is plugged in."""

    port: str
    chip: Chip
    baud: int


def find(wanted: Wanted, report: Report) -> list[Release]:
    """What can be chosen from, before the board is asked; nothing if it is to be built.

    Raises:
        ImageError: there is nothing.
    """
    if wanted.build:
        return []
    if wanted.image is not None:
        return sources.find(wanted.image, lambda fault: report.step("left out", fault.cause))
    return own.find(report.step)


def choose(wanted: Wanted, found: Sequence[Release], there: There, report: Report) -> Release:
    """The one for the board. Where several fit, the firmware that is on it says which board it is, else a person.

    Raises:
        ToolError: none fits, or nobody knows which; the build failed.
    """

    def which(names: Sequence[str]) -> str | None:
        return _on_it(there, names, report) or _asked(names)

    chip = there.chip
    if not wanted.build:
        return choice.choose(
            found, chip=chip.name, flash_size=chip.flash_size, board=wanted.board, which=which
        )
    board = wanted.board or _to_build(chip.name, which)
    if build.chip_of(board) != chip.name:
        raise BuildError(
            f"this board has an {chip.name}, and {board} has an {build.chip_of(board)}",
            remedy="say which board it is with --board NAME",
        )
    report.step("build", f"{board}, which takes some minutes")
    build.make(board, stdout=err.file)
    return sources.in_directory(BUILD / board)[0]


def _to_build(chip: str, which: choice.Which) -> str:
    names = [name for name in build.boards() if build.chip_of(name) == chip and not build.is_emulated(name)]
    name = names[0] if len(names) == 1 else which(names)
    if name is None:
        raise ImageError(
            f"several boards have an {chip}: {', '.join(names)}" if names else f"no board has an {chip}",
            remedy="say which one with --board NAME" if names else "docs/boards.md says how to add one",
        )
    return name


def _on_it(there: There, names: Sequence[str], report: Report) -> str | None:
    try:
        start = esptool_process.read(there.port, there.chip.name, _APP, image.START, baud=there.baud)
    except FlashError:  # the writing will say what is wrong, if anything is
        return None
    name = image.board_of(start)
    if name not in names:
        return None
    report.step("board", f"{name}, by the firmware that is on it")
    return name


def _asked(names: Sequence[str]) -> str | None:
    if not (sys.stdin.isatty() and out.file.isatty()):
        return None
    for number, name in enumerate(names, 1):
        out.verbatim(f"{number:>3}  {name}")
    try:
        said = input("Which board is it? ").strip()
    except EOFError:
        return None
    return names[int(said) - 1] if said.isdecimal() and 0 < int(said) <= len(names) else said or None
