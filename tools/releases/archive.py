"""A release in one file: a ZIP of the files of its directory."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePath

from tools.errors import ImageError
from tools.releases import manifest
from tools.releases.manifest import Part

SUFFIX = ".zip"
MAX_BYTES = 64 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SPOILED = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, zlib.error)


class Archive:
    """Reads one, from memory.

    Args:
        data: of the whole file.
        name: for messages.

    Raises:
        ImageError: it is no ZIP.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self._name = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _SPOILED:
            raise self._bad("it is no ZIP file") from None

    def manifest(self) -> bytes:
        """Raises ImageError: there is none."""
        return self._read(manifest.NAME, manifest.MAX_BYTES)

    def part(self, part: Part) -> bytes:
        """One file, never more than its manifest says. Raises ImageError."""
        return self._read(part.path, part.region.size)

    def _read(self, name: str, limit: int) -> bytes:
        try:
            with self._zip.open(name) as file:
                data = file.read(limit + 1)
        except KeyError:
            raise self._bad(f"it holds no {name}") from None
        except _SPOILED:
            raise self._bad(f"{name} in it is spoiled") from None
        if len(data) > limit:
            raise self._bad(f"{name} in it is longer than {limit} bytes")
        return data

    def _bad(self, what: str) -> ImageError:
        return ImageError(
            f"{PurePath(self._name).name} cannot be used: {what}", remedy="download the release again"
        )


def pack(files: Mapping[str, bytes]) -> bytes:
    """An archive, the same for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sorted(files):
            made.writestr(zipfile.ZipInfo(name, _EPOCH), files[name], zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()
