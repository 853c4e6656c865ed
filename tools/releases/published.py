"""The releases of this package's own version that were published with it: where they are, and what is in each.

`published.json` lies in a package that the release job made (docs/releasing.md), which built the firmware first. A
checkout has none, and knows no release.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ground import text
from ground.trouble import Trouble
from tools.errors import ImageError
from tools.releases import archive, cache, download, manifest
from tools.releases.archive import Archive
from tools.releases.manifest import Manifest, Part
from tools.releases.release import HOW, Release

TABLE = Path(__file__).parent / "published.json"
_ELSE = f"or {HOW}"
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}\.zip")


@dataclass(frozen=True, slots=True)
class Published:
    """An archive: its place, its size in bytes and SHA-256, and the manifest in it."""

    url: str
    file: str
    size: int
    sha256: str
    manifest: Manifest


def table(base: str, archives: Mapping[str, tuple[bytes, Mapping[str, Any]]]) -> str:
    """What `published.json` is to hold.

    Args:
        base: the URL that the archives will lie below.
        archives: by file name, the archive and the manifest in it.
    """
    entries = [
        {"file": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "manifest": about}
        for name, (data, about) in sorted(archives.items())
    ]
    return json.dumps({"v": 1, "url": base.rstrip("/"), "archives": entries}, indent=1) + "\n"


def read(path: Path = TABLE) -> list[Published]:
    """The table of this package; empty where there is none.

    Raises:
        ImageError: it is spoiled.
    """
    if not path.exists():
        return []
    try:
        given = json.loads(text.read(path))
        base, entries = str(given["url"]), given["archives"]
        return [_entry(base, entry) for entry in entries]
    except (Trouble, ValueError, KeyError, TypeError):
        raise ImageError(f"{path} is spoiled", remedy="install voicegw anew") from None


def _entry(base: str, given: Mapping[str, Any]) -> Published:
    name, size, sha256 = given["file"], given["size"], given["sha256"]
    if not _FILE_NAME.fullmatch(name) or not 0 < size <= archive.MAX_BYTES:
        raise ValueError(name)
    return Published(f"{base}/{name}", name, size, sha256, manifest.parse(json.dumps(given["manifest"])))


def releases(known: Iterable[Published], tell: Callable[[str, str], None]) -> list[Release]:
    """The same as releases, each of which is fetched when its files are asked for, once.

    Args:
        known: the table.
        tell: is told of what is fetched or could not be kept, as a step and its text.
    """
    return [_release(one, tell) for one in known]


def _release(one: Published, tell: Callable[[str, str], None]) -> Release:
    opened = functools.cache(lambda: _open(one, tell))

    def fetch(part: Part) -> bytes:
        return opened().part(part)

    return Release(one.manifest, one.url, fetch)


def _open(one: Published, tell: Callable[[str, str], None]) -> Archive:
    kept = cache.take(one.file)
    if kept is not None and _is(one, kept):
        tell("kept", f"{one.file}, from an earlier download")
        return Archive(kept, one.file)
    data = _fetch(one)
    tell("fetched", f"{len(data) >> 10} KB from {one.url}")
    try:
        cache.keep(one.file, data)
    except Trouble as trouble:
        tell("not kept", f"{trouble.message}; it will be fetched again next time")
    return Archive(data, one.file)


def _fetch(one: Published) -> bytes:
    try:
        data = download.fetch(one.url, one.size)
    except ImageError as error:
        raise ImageError(error.cause, remedy=f"{error.remedy}; {_ELSE}") from None
    if len(data) < one.size:
        raise ImageError(
            f"{one.url} is cut short: {len(data)} of {one.size} bytes", remedy=f"try again; {_ELSE}"
        )
    if not _is(one, data):
        raise ImageError(
            f"{one.url} is not the file that was published: its SHA-256 is another",
            remedy=f"do not flash what lies there; try again from another network, {_ELSE}",
        )
    return data


def _is(one: Published, data: bytes) -> bool:
    return len(data) == one.size and hashlib.sha256(data).hexdigest() == one.sha256
