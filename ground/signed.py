"""What a maker signs of a firmware, as devices check it (docs/protocol.md, firmware). Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

SIGNATURES: Final = "signatures"
"""Of a manifest: a list of `{"key", "signature"}`, both hex."""
MOST: Final = 2
"""While a key is replaced, the old one's and the new one's."""
_HINT: Final = 16
"""Hex digits of a key, by which a device finds it among those that it knows."""


def digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of all that a manifest says but its signatures: JSON with its names in order and no spaces."""
    rest = {name: value for name, value in manifest.items() if name != SIGNATURES}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def statement(*, board: str, version: str, size: int, sha256: str, digest: str) -> bytes:
    """The lines that are signed. `size` and `sha256` are the app's, `digest` the manifest's."""
    return f"voicegw firmware\n{board}\n{version}\n{size}\n{sha256}\n{digest}\n".encode()


def shown(key: str, signature: str) -> str:
    """A signature as a device is told it; several have commas between them."""
    return f"{key[:_HINT]}:{signature}"
