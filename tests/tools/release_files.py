"""Releases for tests: genuine ESP images, small ones, made here from the format's description."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

CHIPS = {"esp32s3": 9, "esp32c3": 5}


def image(chip: str = "esp32c3", size: int = 4096, *, hashed: bool = True) -> bytes:
    """An ESP image with two segments and no code in it."""
    segments = [(0x3FC90000, bytes(range(256)) * (size // 256)), (0x40380000, b"\x13\0\0\0" * 16)]
    header = struct.pack(
        "<BBBBIB3xHBHH4xB", 0xE9, len(segments), 2, 0x4F, 0x40380000, 0xEE, CHIPS[chip], 0, 0, 0xFFFF, hashed
    )
    checksum, body = 0xEF, header
    for address, data in segments:
        body += struct.pack("<II", address, len(data)) + data
        for byte in data:
            checksum ^= byte
    body += b"\0" * (15 - len(body) % 16) + bytes([checksum])
    return body + (hashlib.sha256(body).digest() if hashed else b"")


def table(slot: int = 0x100000) -> bytes:
    """A partition table with the partitions that docs/tools.md asks for."""
    lines = [
        (1, 2, 0x9000, 0x6000, "nvs"),
        (1, 0, 0xF000, 0x2000, "otadata"),
        (0, 0x10, 0x20000, slot, "ota_0"),
        (0, 0x11, 0x20000 + slot, slot, "ota_1"),
    ]
    raw = b"".join(struct.pack("<HBBII16sI", 0x50AA, *line[:4], line[4].encode(), 0) for line in lines)
    raw += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(raw, usedforsecurity=False).digest()
    return raw.ljust(0xC00, b"\xff")


def manifest(files: dict[str, tuple[int, bytes]], **changes: Any) -> dict[str, Any]:
    """The manifest of these files."""
    entries = [
        {"path": name, "offset": offset, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, (offset, data) in files.items()
    ]
    whole = {
        "v": 1, "name": "voicegw", "version": "0.1.0", "board": "xmini-c3", "chip": "esp32c3", "flash_size": "4MB",
        "flash_mode": "dio", "flash_freq": "80m", "files": entries, "app": "voicegw.bin",
        "nvs": {"offset": 0x9000, "size": 0x6000},
    }  # fmt: skip
    return {**whole, **changes}


def contents(
    chip: str = "esp32c3", app_bytes: int = 8192, slot: int = 0x100000
) -> dict[str, tuple[int, bytes]]:
    """The files of a release, with their places."""
    return {
        "bootloader.bin": (0, image(chip)),
        "partition-table.bin": (0x8000, table(slot)),
        "ota_data_initial.bin": (0xF000, b"\xff" * 0x2000),
        "voicegw.bin": (0x20000, image(chip, app_bytes)),
    }


def write(directory: Path, files: dict[str, tuple[int, bytes]] | None = None, **changes: Any) -> Path:
    """A release directory."""
    given = files or contents(str(changes.get("chip", "esp32c3")))
    directory.mkdir(parents=True, exist_ok=True)
    for name, (_, data) in given.items():
        (directory / name).write_bytes(data)
    (directory / "manifest.json").write_text(json.dumps(manifest(given, **changes)))
    return directory
