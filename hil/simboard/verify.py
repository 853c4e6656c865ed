"""Whether an image may boot, as ESP-IDF's second stage finds out: header, segments, checksum, digest."""

from __future__ import annotations

from collections.abc import Iterator

from hil.simboard.chips import Chip
from hil.simboard.errors import OutOfFlash
from hil.simboard.flash import MEGABYTE, Flash
from hil.simboard.image import (
    HEADER,
    MAGIC,
    SEGMENTS_MOST,
    Header,
    Segment,
    read_ending,
    read_header,
    read_segment,
)
from hil.simboard.partitions import Partition

PAGE = 0x10000
LOADED_FROM = 0x10000000
"""Segments for lower addresses are padding."""
MILLISECONDS = 4
"""That a line takes at 115,200 baud, more or less."""


class BadImage(Exception):
    """An image that is not booted: the tag and the words."""

    def __init__(self, text: str, tag: str = "esp_image") -> None:
        super().__init__(text)
        self.tag = tag


class Log:
    """Lines as ESP_LOG prints them."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def say(self, tag: str, text: str) -> None:
        """An I line."""
        self._add("I", tag, text)

    def bad(self, tag: str, text: str) -> None:
        """An E line."""
        self._add("E", tag, text)

    def text(self) -> str:
        """All of them."""
        return "".join(self._lines)

    def _add(self, level: str, tag: str, text: str) -> None:
        self._lines.append(f"{level} ({24 + MILLISECONDS * len(self._lines)}) {tag}: {text}\n")


def verify(flash: Flash, chip: Chip, partition: Partition, log: Log) -> bytes:
    """The data of the first segment of the image in a partition. Raises BadImage."""
    try:
        header = read_header(flash, partition.offset)
        _check_header(chip, header, partition.offset)
        segments = list(_segments(flash, chip, partition, header, log))
        ending = read_ending(flash, partition.offset, segments, hashed=header.hashed)
    except OutOfFlash:
        raise BadImage(f"bootloader_flash_read failed at {partition.offset:#010x}") from None
    if ending.stored != ending.computed:
        raise BadImage(f"Checksum failed. Calculated {ending.computed:#x} read {ending.stored:#x}")
    if ending.length > partition.size:
        raise BadImage(f"Image length {ending.length} doesn't fit in partition length {partition.size}")
    if ending.stored_digest != ending.computed_digest:
        raise BadImage("Image hash failed - image is corrupt")
    return flash.read(segments[0].offset, segments[0].length) if segments else b""


def check_revision(chip: Chip, header: Header, *, bootloader: bool) -> None:
    """Of a bootloader only the least one counts; the most is set where it is neither 0 nor 65535. Raises BadImage."""
    major, minor = chip.revision
    revision = major * 100 + minor
    least, most = header.least_revision, header.most_revision
    if revision < least:
        raise _revision(f">= v{least // 100}.{least % 100}", major, minor)
    if not bootloader and 0 < most < revision:
        raise _revision(f"<= v{most // 100}.{most % 100}", major, minor)


def _revision(required: str, major: int, minor: int) -> BadImage:
    return BadImage(f"chip revision check failed. Required {required}, found v{major}.{minor}.", "boot_comm")


def _check_header(chip: Chip, header: Header, offset: int) -> None:
    if header.magic != MAGIC:
        raise BadImage(f"image at {offset:#x} has invalid magic byte (nothing flashed here?)")
    if header.chip != chip.id:
        raise BadImage(f"mismatch chip ID, expected {chip.id}, found {header.chip}", "boot_comm")
    check_revision(chip, header, bootloader=False)
    if header.segments > SEGMENTS_MOST:
        raise BadImage(f"image at {offset:#x} segment count {header.segments} exceeds max {SEGMENTS_MOST}")


def _segments(flash: Flash, chip: Chip, partition: Partition, header: Header, log: Log) -> Iterator[Segment]:
    at = partition.offset + HEADER.size
    for number in range(header.segments):
        segment = read_segment(flash, at)
        use = _use(chip, number, segment)
        address = f"paddr={segment.offset:08x} vaddr={segment.address:08x}"
        log.say(
            "esp_image", f"segment {number}: {address} size={segment.length:05x}h ({segment.length:6}) {use}"
        )
        if use == "load" and segment.length and not chip.in_ram(segment.address, segment.length):
            where = f"{segment.address:#010x}-{segment.address + segment.length:#010x}"
            raise BadImage(f"Segment {number} {where} invalid: bad load address range")
        yield segment
        at = segment.offset + segment.length


def _use(chip: Chip, number: int, segment: Segment) -> str:
    if segment.length % 4 or segment.length >= 16 * MEGABYTE:
        raise BadImage(f"invalid segment length {segment.length:#x}")
    if not chip.is_mapped(segment.address):
        return "load" if segment.address >= LOADED_FROM else ""
    if segment.offset % PAGE != segment.address % PAGE:
        addresses = f"load address {segment.address:#010x}, doesn't match data {segment.offset:#010x}"
        raise BadImage(f"Segment {number} {addresses}")
    return "map"
