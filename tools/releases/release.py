"""Releases: where they come from, and whether they are whole and fit the board."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx
from packaging.version import InvalidVersion, Version

from tools.errors import ImageError
from tools.releases import image, manifest
from tools.releases.manifest import Manifest, Part

BUILD = Path(__file__).parents[2] / "firmware" / "build"
_SECONDS = 30.0
_BUILD_REMEDY = "build one with: voicegw build --board NAME, or give --image DIRECTORY or URL"


@dataclass(frozen=True, slots=True)
class Release:
    """A manifest and where its files are."""

    manifest: Manifest
    origin: str
    fetch: Callable[[Part], bytes]

    def load(self) -> dict[str, bytes]:
        """The contents of all files, by name, checked against the manifest and against each other.

        Raises:
            ImageError: a file is missing, of another size, with other contents, or its firmware is for another chip
                or too large for its slot.
        """
        files = {part.path: _checked(part, self.fetch(part)) for part in self.manifest.parts}
        _check_contents(self.manifest, files)
        return files


def _checked(part: Part, data: bytes) -> bytes:
    if len(data) != part.region.size:
        raise ImageError(
            f"{part.path} has {len(data)} bytes, not the {part.region.size} of its manifest",
            remedy="it is cut short or from another build: build or download the release again",
        )
    if hashlib.sha256(data).hexdigest() != part.sha256:
        raise ImageError(
            f"{part.path} is not the file of its manifest", remedy="build or download the release again"
        )
    return data


def _check_contents(about: Manifest, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        chip = image.chip_of(data, name) if data[:1] == b"\xe9" else about.chip
        if chip != about.chip:
            raise ImageError(
                f"{name} is for {chip}, its manifest says {about.chip}", remedy="build the release again"
            )
    if files[about.app.path][:1] != b"\xe9":
        raise ImageError(f"{about.app.path} is no firmware", remedy="build the release again")
    table = next((data for name, data in files.items() if name.startswith("partition")), None)
    if table is None:
        raise ImageError("the release has no partition table", remedy="build the release again")
    _check_slot(about, image.partitions(table))


def _check_slot(about: Manifest, table: list[image.Partition]) -> None:
    app = about.app
    slot = next((p for p in table if p.is_app and p.region.offset == app.region.offset), None)
    if slot is None:
        raise ImageError(
            f"no partition for firmware begins at {app.region.offset:#x}", remedy="build the release again"
        )
    if app.region.size > slot.region.size:
        raise ImageError(
            f"{app.path} is too large: {app.region.size} bytes, and {slot.label} has {slot.region.size}",
            remedy="build it with fewer components, or with larger partitions for firmware",
        )
    if not any(p.label == "nvs" and p.region == about.nvs for p in table):
        raise ImageError("nvs is not where the manifest says", remedy="build the release again")


def find(source: str | None, left_out: Callable[[ImageError], None] = lambda _: None) -> list[Release]:
    """The releases of a source.

    Args:
        source: a directory with a manifest or with directories that have one, the URL of a manifest or of the
            directory it is in; by default what was built here.
        left_out: is told of each that cannot be read, where there are others.

    Raises:
        ImageError: there is none, or none that can be read.
    """
    if source is not None and source.startswith(("http://", "https://")):
        return [_from_url(source)]
    root = Path(source) if source is not None else BUILD
    paths = sorted([*root.glob(manifest.NAME), *root.glob(f"*/{manifest.NAME}")])
    if not paths:
        where = "nothing was built here" if source is None else f"there is no {manifest.NAME} in {root}"
        raise ImageError(where, remedy=_BUILD_REMEDY)
    found, faults = [], []
    for path in paths:
        try:
            found.append(_from_directory(path.parent))
        except ImageError as error:
            faults.append(error)
    if not found:
        raise faults[0]
    for fault in faults:
        left_out(fault)
    return found


def _from_directory(directory: Path) -> Release:
    path = directory / manifest.NAME
    text = _read(path)[: manifest.MAX_BYTES + 1]
    try:
        about = manifest.parse(text)
    except ImageError as error:
        raise ImageError(f"{path}: {error.cause}", remedy=error.remedy) from None
    return Release(about, str(directory), lambda part: _read(directory / part.path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}", remedy="build the release again") from None


def _from_url(url: str) -> Release:
    base = url if url.endswith((".json", "/")) else url + "/"
    try:
        address = httpx.URL(base).join(manifest.NAME) if base.endswith("/") else httpx.URL(base)
    except httpx.InvalidURL:
        raise ImageError(f"{url} is no address", remedy="give a directory or a URL") from None

    def fetch(part: Part) -> bytes:
        return _download(address.join(part.path), part.region.size)

    return Release(manifest.parse(_download(address, manifest.MAX_BYTES)), str(address), fetch)


def _download(url: httpx.URL, limit: int) -> bytes:
    """At most `limit` bytes."""
    data = bytearray()
    try:
        with httpx.stream("GET", url, timeout=_SECONDS, follow_redirects=True) as response:
            response.raise_for_status()
            for block in response.iter_bytes():
                data += block
                if len(data) > limit:
                    raise ImageError(
                        f"{url} is longer than {limit} bytes", remedy="build or download the release again"
                    )
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise ImageError(
            f"{url} cannot be fetched: {reason}", remedy="look at the address, and whether you are online"
        ) from None
    return bytes(data)


def choose(
    found: Iterable[Release], *, chip: str | None, flash_size: int | None, board: str | None
) -> Release:
    """The release for a board; of several versions the newest.

    Args:
        found: to choose from.
        chip: as identified, `esp32s3` say; `None` if it could not be asked.
        flash_size: of the board in bytes, `None` if unknown.
        board: that the user named.

    Raises:
        ImageError: none fits, which says why, or several do, which names them.
    """
    releases = list(found)
    named = [r for r in releases if board in {None, r.manifest.board}]
    if not named:
        raise ImageError(
            f"there is no release for the board {board}", remedy=f"there are: {_boards(releases)}"
        )
    fitting = [r for r in named if chip in {None, r.manifest.chip}]
    if not fitting:
        raise ImageError(
            f"this board has an {chip}, and the image is for {', '.join(sorted({r.manifest.chip for r in named}))}",
            remedy=f"give an image for {chip}: {_BUILD_REMEDY}",
        )
    if len({r.manifest.board for r in fitting}) > 1:
        raise ImageError(
            f"several boards have this chip: {_boards(fitting)}", remedy="say which one with --board NAME"
        )
    chosen = max(fitting, key=lambda r: _version(r.manifest.version))
    if flash_size is not None and chosen.manifest.flash_size > flash_size:
        raise ImageError(
            f"the image wants {chosen.manifest.flash_size >> 20} MB of flash, and this board has {flash_size >> 20} MB",
            remedy="choose the board that it is with --board NAME",
        )
    return chosen


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def _boards(releases: list[Release]) -> str:
    return ", ".join(sorted({r.manifest.board for r in releases}))
