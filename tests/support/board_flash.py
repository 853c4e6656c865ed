"""A board's flash as a file, with images in it that a bootloader would take."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.releases import MAKER
from tools.releases import maker

BOARD = "xmini-c3"
SIZE = 0x400000
SLOTS = (0x20000, 0x200000)
OTADATA = 0xF000
PARTITIONS = (
    (1, 2, 0x9000, 0x6000, b"nvs"),
    (1, 0, OTADATA, 0x2000, b"otadata"),
    (1, 1, 0x11000, 0x1000, b"phy_init"),
    (0, 0x10, SLOTS[0], 0x1E0000, b"ota_0"),
    (0, 0x11, SLOTS[1], 0x1E0000, b"ota_1"),
    (1, 3, 0x3E0000, 0x20000, b"coredump"),
)
NEW, PENDING, VALID, INVALID, ABORTED = range(5)


def make_image(
    version: str,
    *,
    board: str = BOARD,
    size: int = 60_000,
    chip: int = 5,
    makers: Sequence[Ed25519PrivateKey] = (MAKER,),
) -> bytes:
    """An ESP-IDF image of about `size` bytes: two segments, checksum, SHA-256 (esp_app_format.h).

    `makers` are those whose next image a device takes that runs this one.
    """
    description = struct.pack("<IIQ32s32s", 0xABCD5432, 0, 0, version.encode(), b"voicegw").ljust(256, b"\0")
    mark = struct.pack("<4s28s", b"VGB1", board.encode())
    keys = b"".join(bytes.fromhex(maker.public(key)) for key in makers)
    mark += struct.pack("<4sB3x128s", b"VGK1", len(makers), keys)
    filling = hashlib.shake_128(version.encode()).digest(size - 424 & ~3)
    segments = [description + mark + filling[: len(filling) // 8 * 4], filling[len(filling) // 8 * 4 :]]
    image = (
        struct.pack("<BBBBIB3xHB", 0xE9, len(segments), 2, 0x4F, 0x40380000, 0xEE, chip, 0).ljust(23, b"\0")
        + b"\1"
    )
    checksum = 0xEF
    for number, segment in enumerate(segments):
        image += struct.pack("<II", 0x3C000020 + number * 0x10000, len(segment)) + segment
        for byte in segment:
            checksum ^= byte
    image = image.ljust(len(image) | 15, b"\0") + bytes([checksum])
    return image + hashlib.sha256(image).digest()


def make_flash(path: Path, image: bytes) -> Path:
    """A flash as it is after flashing: the image in ota_0, otadata erased."""
    flash = bytearray(b"\xff" * SIZE)
    for number, (kind, subtype, offset, length, label) in enumerate(PARTITIONS):
        entry = struct.pack("<HBBII16sI", 0x50AA, kind, subtype, offset, length, label, 0)
        flash[0x8000 + 32 * number : 0x8020 + 32 * number] = entry
    flash[SLOTS[0] : SLOTS[0] + len(image)] = image
    path.write_bytes(flash)
    return path


def otadata(path: Path) -> list[tuple[int, int]]:
    """Sequence and state of the two entries; an erased one is not there."""
    flash = path.read_bytes()
    entries = [struct.unpack_from("<I20sI", flash, OTADATA + sector) for sector in (0, 0x1000)]
    return [(sequence, state) for sequence, _, state in entries if sequence != 0xFFFFFFFF]
