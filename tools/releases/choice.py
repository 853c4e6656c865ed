"""Which of the releases is the board's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from packaging.version import InvalidVersion, Version

from tools.errors import ImageError
from tools.releases.release import HOW, Release

Which = Callable[[Sequence[str]], str | None]
"""Is asked where several boards fit, with their names; gives one of them, or `None`."""


def _nobody_knows(boards: Sequence[str]) -> None:
    del boards


def choose(
    found: Iterable[Release],
    *,
    chip: str | None,
    flash_size: int | None,
    board: str | None,
    which: Which = _nobody_knows,
) -> Release:
    """The release for a board; of several versions the newest.

    Args:
        found: to choose from.
        chip: as identified, `esp32s3` say; `None` if it could not be asked.
        flash_size: of the board in bytes, `None` if unknown.
        board: that the user named.
        which: is asked where several boards fit.

    Raises:
        ImageError: none fits, which says why, or several do, which names them.
    """
    named = _named(list(found), board)
    fitting = [r for r in named if chip in {None, r.manifest.chip}]
    if not fitting:
        raise ImageError(
            f"this board has an {chip}, and the image is for {', '.join(sorted({r.manifest.chip for r in named}))}",
            remedy=f"take one for {chip}: {HOW}",
        )
    fitting = [r for r in fitting if _has_room(r, flash_size)] or fitting
    chosen = max(_of_one_board(fitting, which), key=lambda r: _version(r.manifest.version))
    if not _has_room(chosen, flash_size):
        raise ImageError(
            f"the image wants {chosen.manifest.flash_size >> 20} MB of flash, "
            f"and this board has {(flash_size or 0) >> 20} MB",
            remedy="choose the board that it is with --board NAME",
        )
    return chosen


def _named(releases: list[Release], board: str | None) -> list[Release]:
    named = [r for r in releases if board in {None, r.manifest.board}]
    if not named:
        raise ImageError(
            f"there is no release for the board {board}", remedy=f"there are: {', '.join(_boards(releases))}"
        )
    return named


def _of_one_board(fitting: list[Release], which: Which) -> list[Release]:
    names = _boards(fitting)
    name = names[0] if len(names) == 1 else which(names)
    if name not in names:
        raise ImageError(
            f"several boards have this chip: {', '.join(names)}", remedy="say which one with --board NAME"
        )
    return [r for r in fitting if r.manifest.board == name]


def _has_room(release: Release, flash_size: int | None) -> bool:
    return flash_size is None or release.manifest.flash_size <= flash_size


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def _boards(releases: list[Release]) -> list[str]:
    return sorted({r.manifest.board for r in releases})
