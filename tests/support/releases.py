"""Release directories as `firmware/tools/release.py` writes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools.releases import signing

MAKER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""Of the firmware that tests make."""
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def put_release(
    below: Path,
    board: str,
    version: str,
    *,
    app: bytes = bytes(range(256)) * 40,
    makers: Sequence[Ed25519PrivateKey] = (MAKER,),
    **changes: Any,
) -> Path:
    """Write a release with one file, its app, signed by these makers, and return its directory."""
    folder = below / f"{board}-{version}"
    folder.mkdir()
    (folder / "voicegw.bin").write_bytes(app)
    image = {
        "path": "voicegw.bin",
        "offset": 0x20000,
        "size": len(app),
        "sha256": hashlib.sha256(app).hexdigest(),
    }
    manifest = {
        "v": 1,
        "name": "voicegw",
        "version": version,
        "board": board,
        "chip": "esp32c3",
        "flash_size": "16MB",
        "flash_mode": "dio",
        "flash_freq": "80m",
        "files": [image],
        "app": "voicegw.bin",
        "nvs": {"offset": 0x9000, "size": 0x6000},
        **changes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    if makers:
        signing.sign(folder, makers)
    return folder
