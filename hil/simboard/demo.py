"""python -m hil.simboard.demo: a release of genuine ESP images, which boot the Linux build on a simulated board.

What they hold is no machine code, so they do nothing on a real chip. For tests there are also ones that do not work.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from ground import folders
from ground.trouble import Trouble
from hil.simboard.chips import CHIPS, Chip
from hil.simboard.errors import BadRelease
from hil.simboard.flash import SECTOR, SIZES, Flash
from hil.simboard.image import MAGIC, Application, Bootloader, Header, pack
from hil.simboard.partitions import (
    APP,
    CORE_DUMP,
    DATA,
    NVS,
    OTA_DATA,
    OTA_FIRST,
    RF,
    TABLE,
    Partition,
    pack_table,
)

ROOT = Path(__file__).parents[2]
PROJECT = "voicegw"
FAULTS = ("", "crash", "never-live")
"""What an image can be told to do wrong: end in a panic at its start; run, but without a network."""
BOARD_MARK, FAULT_MARK, MARK_BYTES = b"VGB1", b"VGF1", 32
FRAMEWORK = "v5.5"
BUILT = "Jan  1 2026 00:00:00"
SIZE_CODES = {"1MB": 0, "2MB": 1, "4MB": 2, "8MB": 3, "16MB": 4, "32MB": 5}
DIO, SPEED_80M = 2, 0xF
CODE_BYTES = 4096

LOADS = {  # bootloader: data, code; application: data, code
    "esp32c3": (0x3FCD5820, 0x403CC710, 0x3FC90000, 0x40380000),
    "esp32s3": (0x3FCE2810, 0x403C8700, 0x3FC95000, 0x40374000),
}
MAPPED_DATA = 0x3C000020
"""Of the first segment, which lies 32 bytes into a page of 64 KiB."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a board, from firmware/components/boards."""

    name: str
    chip: Chip
    flash_size: str
    flash_mode: str
    flash_freq: str

    @property
    def header(self) -> Header:
        """Of its images: any revision of the chip, with a digest; DIO, which is what a ROM reads."""
        return Header(
            MAGIC, 0, DIO, SPEED_80M, SIZE_CODES[self.flash_size], 0, self.chip.id, 0, 0xFFFF, hashed=True
        )


def facts(board: str, boards: Path = ROOT / "firmware" / "components" / "boards") -> Facts:
    """Raises BadRelease where the board is not known, or its chip is not simulated."""
    known = sorted(file.stem for file in boards.glob("*.toml"))
    if board not in known:
        raise BadRelease(f"there is no board {board!r}", remedy=f"choose one of {', '.join(known)}")
    given = tomllib.loads((boards / f"{board}.toml").read_text())
    if given["chip"] not in CHIPS:
        raise BadRelease(
            f"{board} has an {given['chip']}", remedy=f"choose a board with {' or '.join(CHIPS)}"
        )
    flash = given["flash"]
    return Facts(board, CHIPS[given["chip"]], flash["size"], flash["mode"], flash["freq"])


def layout(flash_size: str) -> list[Partition]:
    """Two slots as large as they can be, in pages of 64 KiB; a core dump behind them."""
    slot = min(0x400000, (SIZES[flash_size] - 0x40000) // 2 // 0x10000 * 0x10000)
    return [
        Partition("nvs", DATA, NVS, 0x9000, 0x6000),
        Partition("otadata", DATA, OTA_DATA, 0xF000, 0x2000),
        Partition("phy_init", DATA, RF, 0x11000, 0x1000),
        Partition("ota_0", APP, OTA_FIRST, 0x20000, slot),
        Partition("ota_1", APP, OTA_FIRST + 1, 0x20000 + slot, slot),
        Partition("coredump", DATA, CORE_DUMP, 0x20000 + 2 * slot, 0x20000),
    ]


def bootloader(board: Facts) -> bytes:
    """The file."""
    data, code, *_ = LOADS[board.chip.name]
    return _image(
        board, code, [(data, Bootloader(FRAMEWORK, BUILT).pack()), (code, _filling("boot", CODE_BYTES))]
    )


def application(board: Facts, version: str, fault: str = "", size: int = 65_536) -> bytes:
    """The file: about `size` bytes, of which half can be compressed. The same for the same arguments.

    Raises:
        BadRelease: a version or fault that it cannot hold.
    """
    if fault not in FAULTS or not 0 < len(version.encode()) < 32:
        raise BadRelease(
            f"an image cannot be {version!r} with fault {fault!r}", remedy=f"faults: {', '.join(FAULTS[1:])}"
        )
    _, _, data, code = LOADS[board.chip.name]
    content = _filling(version, size // 2).ljust(size - CODE_BYTES, b"\x00")
    description = Application(version, PROJECT, FRAMEWORK, BUILT[:11], BUILT[12:]).pack(
        hashlib.sha256(content).digest()
    )
    marks = _mark(BOARD_MARK, board.name) + _mark(FAULT_MARK, fault)
    segments = [
        (MAPPED_DATA, description + marks + content),
        (data, bytes(256)),
        (code, _filling("app", CODE_BYTES)),
    ]
    return _image(board, code, segments)


def _image(board: Facts, entry: int, segments: list[tuple[int, bytes]]) -> bytes:
    return pack(replace(board.header, segments=len(segments), entry=entry), segments)


def _mark(mark: bytes, text: str) -> bytes:
    return mark + text.encode().ljust(MARK_BYTES - len(mark), b"\x00")


def fault_in(payload: bytes) -> str:
    """What an image is to do wrong, by what `Started.payload` has of it; empty for nothing, and in other images."""
    mark = payload[MARK_BYTES : 2 * MARK_BYTES]
    return (
        mark[len(FAULT_MARK) :].rstrip(b"\x00").decode(errors="replace")
        if mark.startswith(FAULT_MARK)
        else ""
    )


def _filling(seed: str, length: int) -> bytes:
    """Bytes that cannot be compressed, the same for the same seed."""
    return random.Random(seed).randbytes(length)  # noqa: S311 -- not a secret


def write_release(directory: Path, board: Facts, version: str, fault: str = "", size: int = 65_536) -> Path:
    """The files and their manifest, into a directory that is made. Gives it. Raises BadRelease, OSError."""
    table = layout(board.flash_size)
    places = {partition.label: partition for partition in table}
    least, most = 2 * CODE_BYTES, places["ota_0"].size - 2 * CODE_BYTES
    if not least <= size <= most:
        raise BadRelease(
            f"an application cannot have {size} bytes", remedy=f"give --size from {least} to {most}"
        )
    files = [
        ("bootloader.bin", board.chip.bootloader, bootloader(board)),
        ("partition-table.bin", TABLE, pack_table(table)),
        ("ota_data_initial.bin", places["otadata"].offset, b"\xff" * 2 * SECTOR),
        ("voicegw.bin", places["ota_0"].offset, application(board, version, fault, size)),
    ]
    directory.mkdir(parents=True, exist_ok=True)
    for name, _, content in files:
        (directory / name).write_bytes(content)
    manifest = {
        "v": 1,
        "name": PROJECT,
        "version": version,
        "board": board.name,
        "chip": board.chip.name,
        "flash_size": board.flash_size,
        "flash_mode": board.flash_mode,
        "flash_freq": board.flash_freq,
        "files": [
            {
                "path": name,
                "offset": offset,
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, offset, content in files
        ],
        "app": "voicegw.bin",
        "nvs": {"offset": places["nvs"].offset, "size": places["nvs"].size},
    }
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return directory


def program(flash: Flash, release: Path) -> None:
    """Write a release into a flash as in a factory, without a loader. Raises BadRelease, OutOfFlash."""
    try:
        files = json.loads((release / "manifest.json").read_text())["files"]
        parts = [(file["offset"], (release / file["path"]).read_bytes()) for file in files]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRelease(
            f"{release} is no release: {error}", remedy="make one: python -m hil.simboard.demo DIR"
        ) from None
    for offset, content in parts:
        flash.replace(offset, content)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m hil.simboard.demo", description="Make a release for simulated boards."
    )
    made.add_argument("out", type=Path, metavar="DIR", help="made if it is not there")
    made.add_argument("--board", default="xmini-c3", help="of firmware/components/boards (default: xmini-c3)")
    made.add_argument("--version", default="0.1.0")
    made.add_argument("--fault", default="", choices=FAULTS, help="what the application does wrong")
    made.add_argument("--size", type=int, default=65_536, metavar="BYTES", help="of the application, about")
    return made


def main() -> int:
    """Gives the status."""
    options = parser().parse_args()
    try:
        board = facts(options.board)
        out = folders.ready(options.out, setting="DIR", mode=0o777)
        write_release(out, board, options.version, options.fault, options.size)
    except Trouble as error:
        print(f"demo: {error}; {error.remedy}", file=sys.stderr)  # noqa: T201
        return 2
    print(f"release={options.out}")  # noqa: T201 -- scripts read it
    return 0


if __name__ == "__main__":
    sys.exit(main())
