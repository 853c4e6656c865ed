"""A release: whether it is whole, and what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.errors import ImageError
from tools.releases import image, signing
from tools.releases.manifest import Manifest, Part

BUILD = Path(__file__).parents[2] / "firmware" / "build"
HOW = "build it: voicegw flash --build, or give --image DIRECTORY, ARCHIVE or URL"


@dataclass(frozen=True, slots=True)
class Release:
    """A manifest and where its files are."""

    manifest: Manifest
    origin: str
    fetch: Callable[[Part], bytes]

    def load(self) -> dict[str, bytes]:
        """The contents of all files, by name, checked against the manifest and against each other.

        Raises:
            ImageError: a file is missing, of another size, with other contents, its firmware is for another chip
                or too large for its slot, or a signature is not of this release.
        """
        signing.makers(self.manifest)
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
