"""Where a release can come from: a directory, an archive, a URL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx

from ground import folders
from ground.trouble import reason
from tools.errors import ImageError
from tools.releases import archive, download, manifest
from tools.releases.archive import Archive
from tools.releases.manifest import Manifest, Part
from tools.releases.release import HOW, Release


def _nobody(fault: ImageError) -> None:
    del fault


def find(source: str, left_out: Callable[[ImageError], None] = _nobody) -> list[Release]:
    """The releases of a source.

    Args:
        source: a directory with a manifest or with directories that have one, an archive, the URL of an archive, of a
            manifest or of the directory it is in.
        left_out: is told of each that cannot be read, where there are others.

    Raises:
        ImageError: there is none, or none that can be read.
    """
    if not source.strip():
        raise ImageError("--image is empty", remedy=HOW)
    if source.lower().startswith(("http://", "https://")):
        return [_from_url(source)]
    path = Path(source)
    if _is_address(source) and not folders.is_there(path):
        raise ImageError(
            f"there is no file {source}", remedy=f"if it is an address, write it whole: https://{source}"
        )
    return [_from_archive(_read(path), source)] if folders.names_file(path) else in_directory(path, left_out)


def _is_address(source: str) -> bool:
    """Whether it may be a URL without its scheme: a host with a dot, and a path."""
    host, slash, _ = source.partition("/")
    return bool(slash) and "." in host.strip(".") and not host.startswith(".")


def in_directory(root: Path, left_out: Callable[[ImageError], None] = _nobody) -> list[Release]:
    """The releases in a directory and in those below it. As `find`."""
    folders.look(root / manifest.NAME)  # glob finds nothing where it may not search
    paths = sorted([*root.glob(manifest.NAME), *root.glob(f"*/{manifest.NAME}")])
    if not paths:
        raise ImageError(f"there is no {manifest.NAME} in {root}", remedy=HOW)
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
    about = _parse(_read(path)[: manifest.MAX_BYTES + 1], path)
    return Release(about, str(directory), lambda part: _read(directory / part.path))


def _parse(text: bytes, where: object) -> Manifest:
    try:
        return manifest.parse(text)
    except ImageError as error:
        raise ImageError(f"{where}: {error.cause}", remedy=error.remedy) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: {reason(error)}", remedy="build the release again") from None


def _from_archive(data: bytes, name: str) -> Release:
    opened = Archive(data, name)
    return Release(_parse(opened.manifest(), name), name, opened.part)


def _from_url(url: str) -> Release:
    try:
        httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ImageError(f"--image is no URL: {error}", remedy="look at the address") from None
    if httpx.URL(url).path.endswith(archive.SUFFIX):
        return _from_archive(download.fetch(url, archive.MAX_BYTES), url)
    base = url if url.endswith((".json", "/")) else url + "/"
    address = httpx.URL(base).join(manifest.NAME) if base.endswith("/") else httpx.URL(base)

    def fetch(part: Part) -> bytes:
        return download.fetch(address.join(part.path), part.region.size)

    return Release(_parse(download.fetch(address, manifest.MAX_BYTES), address), str(address), fetch)
