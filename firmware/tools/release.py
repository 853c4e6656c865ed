#!/usr/bin/env python3
"""Makes a release of a build: one directory with the files that a board's flash is to hold, and a manifest.

    release.py --build firmware/build/xmini-c3 [--out DIRECTORY]

Reads ESP-IDF's flasher_args.json, and what the image says of itself. Writes bootloader, partition table, otadata and image
with manifest.json beside them (docs/protocol.md, firmware) into the build's directory, or into DIRECTORY/BOARD-VERSION.
Python 3.11 and nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boards

CHIP_IDS = {"esp32s3": 9, "esp32c3": 5, "esp32c5": 23, "esp32c6": 13, "esp32p4": 18}  # esp_app_format.h, esp_chip_id_t
DESCRIPTION, MARK = 32, 288  # where an image says what it is
NVS = "nvs"


class ReleaseError(Exception):
    """The build is not one of this project, or contradicts the board's facts: names what and what to do."""


@dataclass(frozen=True, slots=True)
class Image:
    """What an application says of itself."""

    chip: int
    version: str
    project: str
    board: str


def describe(data: bytes) -> Image:
    """Raises ReleaseError: it is no ESP-IDF application, or names no board."""
    magic = struct.unpack_from("<I", data, DESCRIPTION)[0] if len(data) >= MARK + 32 else 0
    if data[:1] != b"\xe9" or magic != 0xABCD5432 or data[MARK : MARK + 4] != b"VGB1":
        raise ReleaseError("the application is not one of this firmware: build it with idf.py -DBOARD=NAME build")
    version, project = (_text(data[at : at + 32]) for at in (DESCRIPTION + 16, DESCRIPTION + 48))
    return Image(int.from_bytes(data[12:14], "little"), version, project, _text(data[MARK + 4 : MARK + 32]))


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("ascii", "replace")


def partitions(table: bytes) -> dict[str, tuple[int, int]]:
    """Offset and size of each partition by name; the format is gen_esp32part.py's."""
    found = {}
    for at in range(0, len(table) - 31, 32):
        magic, _, _, offset, size, label, _ = struct.unpack_from("<HBBII16sI", table, at)
        if magic != 0x50AA:
            break
        found[_text(label)] = (offset, size)
    return found


def check(image: Image, size: int, table: dict[str, tuple[int, int]], app_offset: int, board: boards.Board) -> None:
    """Raises ReleaseError: application, partition table and board do not belong together."""
    wanted = {p.name: (p.offset, p.size) for p in boards.layout(board.flash.megabytes).partitions}
    if image.project != "voicegw" or image.board != board.name or image.chip != CHIP_IDS[board.chip]:
        raise ReleaseError(f"the application is {image.project} for {image.board}: not for {board.name}, an {board.chip}")
    if table != wanted or app_offset != wanted["ota_0"][0]:
        raise ReleaseError(f"the partition table is not that of {board.flash.size}: remove sdkconfig.{board.name} and build anew")
    if size > table["ota_0"][1]:
        raise ReleaseError(f"the application has {size} bytes, a slot {table['ota_0'][1]}: build it with fewer components")


def manifest(build: Path, board: boards.Board, version: str) -> dict[str, Any]:
    """What manifest.json says of the files in `build`."""
    args = json.loads((build / "flasher_args.json").read_text())
    offset, size = partitions((build / args["partition-table"]["file"]).read_bytes())[NVS]
    files = sorted((int(at, 16), build / name) for at, name in args["flash_files"].items())
    return {
        "v": 1,
        "name": "voicegw",
        "version": version,
        "board": board.name,
        "chip": board.chip,
        **args["flash_settings"],
        "files": [_entry(at, path) for at, path in files],
        "app": Path(args["app"]["file"]).name,
        "nvs": {"offset": offset, "size": size},
    }


def _entry(offset: int, path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"path": path.name, "offset": offset, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def make(build: Path, out: Path | None) -> Path:
    """Write the release and return its directory; the manifest comes last, so that a release is whole or none."""
    try:
        args = json.loads((build / "flasher_args.json").read_text())
        app = (build / args["app"]["file"]).read_bytes()
        table = partitions((build / args["partition-table"]["file"]).read_bytes())
    except (OSError, ValueError, KeyError) as error:
        raise ReleaseError(f"{build} holds no finished build ({error}): idf.py -DBOARD=NAME build") from None
    image = describe(app)
    board = next((b for b in boards.load_all() if b.name == image.board), None)
    if board is None:
        raise ReleaseError(f"the application is for {image.board}, which has no file in components/boards")
    check(image, len(app), table, int(args["app"]["offset"], 16), board)
    folder = build if out is None else out / f"{board.name}-{image.version}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in args["flash_files"].values():
        if (build / name).resolve() != (folder / Path(name).name).resolve():
            shutil.copyfile(build / name, folder / Path(name).name)
    fresh = folder / "manifest.json.new"
    fresh.write_text(json.dumps(manifest(build, board, image.version), indent=1) + "\n")
    os.replace(fresh, folder / "manifest.json")
    return folder


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    try:
        print(make(given.build, given.out))
    except (ReleaseError, boards.BoardError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
