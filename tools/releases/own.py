"""The releases of this package's own version: those that were built here, and those that were published with it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from ground import text
from ground.trouble import Trouble
from tools.errors import ImageError
from tools.releases import manifest, published, sources
from tools.releases.release import BUILD, HOW, Release


def version(build: Path = BUILD) -> str:
    """Of this checkout, which its firmware takes too; else of the installed package; empty if neither can be told."""
    with contextlib.suppress(Trouble, KeyError):
        project = text.read_toml(build.parents[1] / "pyproject.toml")["project"]
        if project["name"] == "voicegw":
            return str(project["version"])
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version("voicegw")
    return ""


def find(
    tell: Callable[[str, str], None], build: Path = BUILD, table: Path = published.TABLE
) -> list[Release]:
    """All of them, one for a board: what was built here goes before what was published.

    Args:
        tell: is told of steps on the way, and of what was built here and is left out.
        build: where releases are built.
        table: of those that were published.

    Raises:
        ImageError: there is none, and says what there is instead.
    """
    own = version(build)
    built = _built(build, tell)
    boards = {release.manifest.board for release in built if release.manifest.version == own}
    known = [one for one in published.read(table) if one.manifest.board not in boards]
    found = built + published.releases(known, tell)
    fitting = [release for release in found if release.manifest.version == own]
    others = [release for release in found if release.manifest.version != own]
    if not fitting:
        raise _nothing(own, others, build)
    for release in others:
        tell("left out", f"{release.origin}: it is {release.manifest.version}, and this is {own}")
    return fitting


def _built(build: Path, tell: Callable[[str, str], None]) -> list[Release]:
    if not any(build.glob(f"*/{manifest.NAME}")):
        return []
    try:
        return sources.in_directory(build, lambda fault: tell("left out", fault.cause))
    except ImageError as error:
        tell("left out", error.cause)
        return []


def _nothing(own: str, others: list[Release], build: Path) -> ImageError:
    if others:
        versions = ", ".join(sorted({release.manifest.version for release in others}))
        return ImageError(
            f"the firmware that is here is {versions}, and this is {own}",
            remedy=f"build it anew: voicegw flash --build; to take it all the same: --image {build}",
        )
    return ImageError(
        f"this package knows no published firmware of its version {own}".rstrip(),
        remedy=HOW,
    )
