"""A release under another version: what a board that runs real machine code is updated to, with no compiler at hand."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Final

from hil.options import released
from hil.simboard.image import DIGEST, HEADER, SEGMENT, checksum
from tools.releases.manifest import NAME

_VERSION: Final = HEADER.size + SEGMENT.size + 16
"""Where esp_app_desc_t, which is first in the first segment, has the version (esp_app_format.h)."""
_LENGTH: Final = 32


def reissue(release: Path, version: str, into: Path) -> Path:
    """Write the same firmware as another version, with its manifest; gives the folder.

    Raises:
        Unusable: it is no release.
    """
    about = released(release)
    shutil.copytree(release, into)
    app = renamed((release / about.app.path).read_bytes(), version)
    (into / about.app.path).write_bytes(app)
    manifest = json.loads((into / NAME).read_text())
    entry = next(file for file in manifest["files"] if file["path"] == about.app.path)
    entry["sha256"] = hashlib.sha256(app).hexdigest()
    (into / NAME).write_text(json.dumps(manifest | {"version": version}, indent=1) + "\n")
    return into


def renamed(app: bytes, version: str) -> bytes:
    """An application's image (esp_image_format.h) with another version in it, sealed anew."""
    new = version.encode().ljust(_LENGTH, b"\0")
    body = bytearray(app[:-DIGEST])
    body[-1] ^= checksum(bytes(body[_VERSION : _VERSION + _LENGTH])) ^ checksum(new)  # an XOR over all bytes
    body[_VERSION : _VERSION + _LENGTH] = new
    return bytes(body) + hashlib.sha256(body).digest()
