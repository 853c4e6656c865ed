"""ESP images (esp_app_format.h): header, segments, checksum, digest. Read here, written by `demo`."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from hil.simboard.flash import Flash

MAGIC = 0xE9
HEADER = struct.Struct("<BBBBIB3xHBHH4xB")
SEGMENT = struct.Struct("<II")
SEGMENTS_MOST = 16
CHECKSUM_SEED = 0xEF
DIGEST = 32
BLOCK = 16
MODES = {0: "QIO", 1: "QOUT", 2: "DIO", 3: "DOUT"}
SPEEDS = {0xF: "80MHz", 0: "40MHz", 1: "26.7MHz", 2: "20MHz"}

APP = struct.Struct("<II8x32s32s16s16s32s32sHHB3x72x")
APP_MAGIC = 0xABCD5432
BOOTLOADER = struct.Struct("<B3xI32s24s16x")
BOOTLOADER_MAGIC = 80


@dataclass(frozen=True, slots=True)
class Header:
    """The first 24 bytes."""

    magic: int
    segments: int
    mode: int
    speed: int
    size: int
    entry: int
    chip: int
    least_revision: int
    most_revision: int
    hashed: bool

    @classmethod
    def parse(cls, data: bytes) -> Header:
        """Of 24 bytes; nothing is judged."""
        magic, count, mode, both, entry, _wp, chip, _old, least, most, hashed = HEADER.unpack(data)
        return cls(magic, count, mode, both & 0xF, both >> 4, entry, chip, least, most, hashed == 1)

    def pack(self) -> bytes:
        """Its 24 bytes; the WP pin is disabled."""
        both = self.size << 4 | self.speed
        revisions = (self.least_revision, self.most_revision)
        head = (self.magic, self.segments, self.mode, both, self.entry, 0xEE)
        return HEADER.pack(*head, self.chip, 0, *revisions, self.hashed)


@dataclass(frozen=True, slots=True)
class Segment:
    """Where it is loaded or mapped to, and where its data lies in flash."""

    address: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Ending:
    """What follows the segments: checksum and digest, as they are there and as they should be."""

    stored: int
    computed: int
    stored_digest: bytes
    computed_digest: bytes
    length: int
    """Of the whole image."""


def read_header(flash: Flash, offset: int) -> Header:
    """At an offset. Raises OutOfFlash."""
    return Header.parse(flash.read(offset, HEADER.size))


def read_segment(flash: Flash, offset: int) -> Segment:
    """The one whose header is at the offset. Raises OutOfFlash."""
    address, length = SEGMENT.unpack(flash.read(offset, SEGMENT.size))
    return Segment(address, offset + SEGMENT.size, length)


def read_ending(flash: Flash, start: int, segments: list[Segment], *, hashed: bool) -> Ending:
    """Of the image at `start`, whose segments are all read. Raises OutOfFlash."""
    data = b"".join(flash.read(segment.offset, segment.length) for segment in segments)
    end = segments[-1].offset + segments[-1].length if segments else start + HEADER.size
    length = (end - start + BLOCK) // BLOCK * BLOCK
    whole = flash.read(start, length)
    return Ending(
        stored=whole[-1],
        computed=checksum(data),
        stored_digest=flash.read(start + length, DIGEST) if hashed else b"",
        computed_digest=hashlib.sha256(whole).digest() if hashed else b"",
        length=length + (DIGEST if hashed else 0),
    )


def checksum(data: bytes) -> int:
    """XOR over all segments' data, from 0xEF."""
    value, size = int.from_bytes(data, "little"), len(data)
    while size > 1:  # fold in half: a loop over bytes would take a second for an application
        size = (size + 1) // 2
        value = value >> size * 8 ^ value & (1 << size * 8) - 1
    return value ^ CHECKSUM_SEED


def pack(header: Header, segments: list[tuple[int, bytes]]) -> bytes:
    """The file of an image: (address, data) by segment, data in whole words."""
    parts = [header.pack(), *(SEGMENT.pack(address, len(data)) + data for address, data in segments)]
    body = b"".join(parts)
    padding = (BLOCK - 1 - len(body) % BLOCK) % BLOCK
    body += bytes(padding) + bytes([checksum(b"".join(data for _, data in segments))])
    return body + (hashlib.sha256(body).digest() if header.hashed else b"")


@dataclass(frozen=True, slots=True)
class Application:
    """esp_app_desc_t, the first 256 bytes of an application's first segment."""

    version: str
    project: str
    framework: str = "v5.5"
    date: str = ""
    time: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Application | None:
        """None where there is none."""
        if len(data) < APP.size:
            return None
        magic, _secure, version, project, time, date, framework, *_ = APP.unpack_from(data)
        if magic != APP_MAGIC:
            return None
        return cls(*(_text(field) for field in (version, project, framework, date, time)))

    def pack(self, digest: bytes) -> bytes:
        """Its 256 bytes, with the digest of what would be its ELF file; pages of 64 KiB."""
        texts = (self.version, self.project, self.time, self.date, self.framework)
        return APP.pack(APP_MAGIC, 0, *(text.encode() for text in texts), digest, 0, 99, 16)


@dataclass(frozen=True, slots=True)
class Bootloader:
    """esp_bootloader_desc_t, the first 80 bytes of a bootloader's first segment in RAM."""

    framework: str = "v5.5"
    built: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Bootloader | None:
        """None where there is none."""
        if len(data) < BOOTLOADER.size or data[0] != BOOTLOADER_MAGIC:
            return None
        _magic, _version, framework, built = BOOTLOADER.unpack_from(data)
        return cls(_text(framework), _text(built))

    def pack(self) -> bytes:
        """Its 80 bytes."""
        return BOOTLOADER.pack(BOOTLOADER_MAGIC, 1, self.framework.encode(), self.built.encode())


def _text(field: bytes) -> str:
    return field.split(b"\x00", 1)[0].decode(errors="replace")
