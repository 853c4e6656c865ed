"""The manifest of a release: which files go where on which chip. Pure.

The format is that of docs/tools.md, section Releases; `firmware/tools/release.py` writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from ground import signed
from tools.errors import ImageError

NAME = "manifest.json"
MAX_BYTES = 65_536
_SECTOR = 4096
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_T = TypeVar("_T")
_FLASH_SIZE = re.compile(r"([1-9][0-9]{0,2})MB")


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes of the flash, from `offset`."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the release and where it goes."""

    path: str
    region: Region
    sha256: str


@dataclass(frozen=True, slots=True)
class Signature:
    """By an Ed25519 key; both in hex."""

    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release is for, and what is in it. Sizes are in bytes; `digest` is of all but the signatures."""

    version: str
    board: str
    chip: str
    flash_size: int
    parts: tuple[Part, ...]
    app: Part
    nvs: Region
    digest: str
    signatures: tuple[Signature, ...]


def parse(text: str | bytes) -> Manifest:
    """Read a manifest.

    Raises:
        ImageError: it is none, or its parts overlap or leave the flash.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad(f"it is not JSON: {error}") from None
    if not isinstance(given, dict) or given.get("v") != 1 or given.get("name") != "voicegw":
        raise _bad("it is not a voicegw manifest of version 1")
    parts = tuple(_part(entry) for entry in _get(given, "files", list))
    by_path = {part.path: part for part in parts}
    app = _get(given, "app", str)
    if app not in by_path or len(by_path) != len(parts):
        raise _bad("app names none of the files, or a file is named twice")
    manifest = Manifest(
        version=_get(given, "version", str),
        board=_get(given, "board", str),
        chip=_get(given, "chip", str),
        flash_size=_flash_size(_get(given, "flash_size", str)),
        parts=parts,
        app=by_path[app],
        nvs=_region(_get(given, "nvs", dict), "nvs"),
        digest=signed.digest(given),
        signatures=_signatures(given),
    )
    _check_places(manifest)
    return manifest


def _bad(what: str) -> ImageError:
    return ImageError(f"the manifest cannot be used: {what}", remedy="build the release again")


def _get(given: Mapping[str, Any], name: str, kind: type[_T]) -> _T:
    value = given.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _bad(f"{name} is missing, or no {kind.__name__}")
    return value


def _flash_size(text: str) -> int:
    match = _FLASH_SIZE.fullmatch(text)
    if match is None:
        raise _bad(f"flash_size {text!r} is not a number of MB")
    return int(match[1]) << 20


def _region(given: Mapping[str, Any], what: str) -> Region:
    region = Region(_get(given, "offset", int), _get(given, "size", int))
    if region.offset < 0 or region.size <= 0 or region.offset % _SECTOR:
        raise _bad(f"{what} has offset {region.offset} and size {region.size}")
    return region


def _part(given: Any) -> Part:
    if not isinstance(given, dict):
        raise _bad("files holds something that is no file")
    path = _get(given, "path", str)
    if not _FILE_NAME.fullmatch(path):
        raise _bad(f"{path!r} is no plain file name")
    sha256 = _get(given, "sha256", str)
    if not _SHA256.fullmatch(sha256):
        raise _bad(f"the sha256 of {path} is not 64 hex digits")
    return Part(path, _region(given, path), sha256)


def _signatures(given: Mapping[str, Any]) -> tuple[Signature, ...]:
    if signed.SIGNATURES not in given:
        return ()
    found = _get(given, signed.SIGNATURES, list)
    if len(found) > signed.MOST:
        raise _bad(f"it has {len(found)} signatures, and may have {signed.MOST}")
    return tuple(_signature(entry) for entry in found)


def _signature(given: Any) -> Signature:
    if not isinstance(given, dict):
        raise _bad("signatures holds something that is none")
    found = Signature(_get(given, "key", str), _get(given, "signature", str))
    if not _SHA256.fullmatch(found.key) or not _SIGNATURE.fullmatch(found.signature):
        raise _bad("a signature is not of 64 and 128 hex digits")
    return found


def _check_places(manifest: Manifest) -> None:
    places = [(part.region, part.path) for part in manifest.parts] + [(manifest.nvs, "nvs")]
    places.sort(key=lambda place: place[0].offset)
    for (region, name), (after, other) in pairwise(places):
        if region.end > after.offset:
            raise _bad(f"{name} runs into {other} at {after.offset:#x}")
    last, name = places[-1]
    if last.end > manifest.flash_size:
        raise _bad(f"{name} ends at {last.end:#x}, beyond the flash of {manifest.flash_size >> 20} MB")
