"""Signatures of a release: made, and checked (docs/protocol.md, firmware)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ground import signed
from ground.trouble import reason
from tools.errors import ImageError, SignatureError
from tools.releases import maker, manifest
from tools.releases.manifest import Manifest


def sign(folder: Path, keys: Sequence[Ed25519PrivateKey]) -> Manifest:
    """Sign the release in a directory with each of the keys, in the place of what was signed before.

    Raises:
        ImageError: it is no release. SignatureError: its manifest cannot be written.
    """
    path = folder / manifest.NAME
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: {reason(error)}", remedy="build the release again") from None
    about = manifest.parse(text)
    made = [{"key": maker.public(key), "signature": key.sign(statement(about)).hex()} for key in keys]
    given = json.loads(text) | {signed.SIGNATURES: made}
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(json.dumps(given, indent=1) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise SignatureError(
            f"{path} cannot be written: {reason(error)}", remedy="make room, or mend its rights"
        ) from None
    return manifest.parse(path.read_bytes())


def statement(about: Manifest) -> bytes:
    """What is signed of it."""
    app = about.app
    return signed.statement(
        board=about.board,
        version=about.version,
        size=app.region.size,
        sha256=app.sha256,
        digest=about.digest,
    )


def makers(about: Manifest) -> tuple[str, ...]:
    """The keys that have signed it, hex.

    Raises:
        ImageError: a signature is not of what the manifest says.
    """
    for each in about.signatures:
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(each.key))
            key.verify(bytes.fromhex(each.signature), statement(about))
        except (InvalidSignature, ValueError):
            raise ImageError(
                f"the signature of {about.board} {about.version} by {each.key[:16]} is not of this release",
                remedy="it was changed after it was signed: get it from its maker again",
            ) from None
    return tuple(each.key for each in about.signatures)
