"""What lies in a release's files: the header of an ESP image, the partition table. Pure.

Source: ESP-IDF, components/bootloader_support/include/esp_app_format.h and esp_flash_partitions.h.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from tools.errors import ImageError
from tools.releases.manifest import Region

CHIP_IDS = {
    0: "esp32", 2: "esp32s2", 5: "esp32c3", 9: "esp32s3", 12: "esp32c2", 13: "esp32c6", 16: "esp32h2",
    18: "esp32p4", 20: "esp32c61", 23: "esp32c5",
}  # fmt: skip
"""`esp_chip_id_t`."""
_HEADER = struct.Struct("<BBBBIB3xHBHH4xB")
_SEGMENT = struct.Struct("<II")
_MAGIC = 0xE9
_CHECKSUM_SEED = 0xEF
_ENTRY = struct.Struct("<HBBII16sI")
_ENTRY_MAGIC, _MD5_MAGIC = 0x50AA, 0xEBEB
_BOARD, START = 288, 320
"""Where our firmware names its board, behind ESP-IDF's description; how much of it `board_of` reads."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A line of the partition table."""

    label: str
    type: int
    subtype: int
    region: Region

    @property
    def is_app(self) -> bool:
        """Whether firmware goes there."""
        return self.type == 0


def chip_of(image: bytes, name: str) -> str:
    """The chip that an ESP image is for, after its length, checksum and hash were found to be right.

    Raises:
        ImageError: it is no ESP image, it is cut short, or a bit of it is wrong.
    """
    if len(image) < _HEADER.size or image[0] != _MAGIC:
        raise _bad(name, "it is no ESP image")
    _, segments, _, _, _, _, chip, _, _, _, hashed = _HEADER.unpack_from(image)
    at, checksum = _HEADER.size, _CHECKSUM_SEED
    for _ in range(segments):
        if at + _SEGMENT.size > len(image):
            raise _bad(name, "it is cut short")
        size = _SEGMENT.unpack_from(image, at)[1]
        at += _SEGMENT.size
        if at + size > len(image):
            raise _bad(name, "it is cut short")
        checksum ^= _xor(image[at : at + size])
        at += size
    at = (at // 16) * 16 + 15  # padded so that the checksum is the last byte of a block of 16
    if at >= len(image) or image[at] != checksum:
        raise _bad(name, "its checksum is wrong" if at < len(image) else "it is cut short")
    if hashed and hashlib.sha256(image[: at + 1]).digest() != image[at + 1 : at + 33]:
        raise _bad(name, "its SHA-256 is wrong")
    return CHIP_IDS.get(chip, f"chip {chip}")


def board_of(start: bytes) -> str | None:
    """The board that an image of ours names, by its first `START` bytes; `None` if it is none of ours."""
    mark = start[_BOARD:START]
    if start[:1] != bytes([_MAGIC]) or mark[:4] != b"VGB1":
        return None
    return mark[4:].split(b"\0", 1)[0].decode("ascii", errors="replace")


def _xor(data: bytes) -> int:
    folded = 0
    for n in range(0, len(data), 4096):
        folded ^= int.from_bytes(data[n : n + 4096].ljust(4096, b"\0"), "little")
    while folded > 0xFF:
        half = (folded.bit_length() + 15) // 16 * 8
        folded = (folded >> half) ^ (folded & ((1 << half) - 1))
    return folded


def partitions(table: bytes) -> list[Partition]:
    """The entries of a partition table; its MD5 is checked where there is one.

    Raises:
        ImageError: it is none.
    """
    found = []
    for at in range(0, len(table) - _ENTRY.size + 1, _ENTRY.size):
        raw = table[at : at + _ENTRY.size]
        magic, kind, subtype, offset, size, label, _ = _ENTRY.unpack(raw)
        if magic == _MD5_MAGIC:
            if hashlib.md5(table[:at], usedforsecurity=False).digest() != raw[16:]:
                raise _bad("the partition table", "its MD5 is wrong")
            break
        if raw == b"\xff" * _ENTRY.size:
            break
        if magic != _ENTRY_MAGIC:
            raise _bad("the partition table", f"its line {at // _ENTRY.size + 1} is none")
        name = label.split(b"\0", 1)[0].decode("ascii", errors="replace")
        found.append(Partition(name, kind, subtype, Region(offset, size)))
    if not found:
        raise _bad("the partition table", "it is empty")
    return found


def _bad(name: str, what: str) -> ImageError:
    return ImageError(
        f"{name} cannot be flashed: {what}", remedy="build the release again, or download it anew"
    )
