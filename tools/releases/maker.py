"""The key that a maker signs firmware with: made once, kept where only its owner can read it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ground import folders
from ground.trouble import Trouble, reason
from tools.errors import SignatureError

PLACE: Final = "VOICEGW_FIRMWARE_KEY"
MOST: Final = 2
_PEM = re.compile(rb"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----\n?", re.DOTALL)
_HOW = f"point {PLACE} to the file with your key"


def place() -> Path:
    """Where the key is, or would be."""
    if given := os.environ.get(PLACE):
        return Path(given)
    return folders.expanded(folders.xdg("XDG_DATA_HOME", ".local/share") / "voicegw" / "firmware.key")


def existing() -> tuple[Ed25519PrivateKey, ...]:
    """The keys that are there, none or up to two: PEM, one after the other; each signs.

    Raises:
        SignatureError: the file cannot be read, or holds something else.
    """
    try:
        path = place()
    except Trouble:  # who has no home has kept none in it
        return ()
    try:
        held = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise SignatureError(f"{path} cannot be read: {reason(error)}", remedy=_HOW) from None
    blocks = _PEM.findall(held)
    if not 0 < len(blocks) <= MOST:
        raise SignatureError(f"{path} holds {len(blocks)} keys, and may hold one or two", remedy=_HOW)
    return tuple(_key(block, path) for block in blocks)


def _key(block: bytes, path: Path) -> Ed25519PrivateKey:
    try:
        found = serialization.load_pem_private_key(block, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SignatureError(f"{path} holds no key: {error}", remedy=_HOW) from None
    if not isinstance(found, Ed25519PrivateKey):
        raise SignatureError(
            f"{path} holds a key of another kind", remedy="make one: openssl genpkey -algorithm ed25519"
        )
    return found


def signers() -> tuple[Ed25519PrivateKey, ...]:
    """The keys, of which one is made if there is none; not in CI, where it would be gone with the job.

    Raises:
        SignatureError: as `existing`, or none can be kept.
    """
    if found := existing():
        return found
    path = place()
    if os.environ.get("CI"):
        raise SignatureError(
            "there is no key to sign firmware with", remedy=f"give CI yours: {PLACE} names its file"
        )
    made = Ed25519PrivateKey.generate()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_new(path, _pem(made))
    except FileExistsError:  # another command was faster
        return existing()
    except OSError as error:
        raise SignatureError(f"no key can be kept in {path}: {reason(error)}", remedy=_HOW) from None
    return (made,)


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_new(path: Path, data: bytes) -> None:
    """Whole, or not at all: a key that is half written would sign nothing."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    finally:
        fresh.unlink()


def public(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """A key's public half, 64 hex digits."""
    half = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return half.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
