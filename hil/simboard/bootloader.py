"""ESP-IDF's second stage: partition table, choice of an application, its image checked.

Sources and words: ESP-IDF 5.5, components/bootloader_support (bootloader_init.c, bootloader_utility.c,
esp_image_format.c, bootloader_common_loader.c).
"""

from __future__ import annotations

from collections.abc import Iterator

from hil.simboard.chips import Chip, Reset
from hil.simboard.errors import OutOfFlash
from hil.simboard.flash import MEGABYTE, SECTOR, Flash
from hil.simboard.image import (
    APP,
    HEADER,
    MAGIC,
    MODES,
    SEGMENTS_MOST,
    SPEEDS,
    Application,
    Bootloader,
    Header,
    Segment,
    read_ending,
    read_header,
    read_segment,
)
from hil.simboard.outcome import Halt, Started, Write
from hil.simboard.partitions import APP as TYPE_APP
from hil.simboard.partitions import (
    DATA,
    FACTORY,
    OTA_DATA,
    OTA_FIRST,
    OTA_LAST,
    BadTable,
    Choice,
    Partition,
    Select,
    State,
    choose,
    read_select,
    read_table,
)

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


class SecondStage:
    """One run. `log` and `writes` say how far it came, also where it stopped."""

    def __init__(self, flash: Flash, chip: Chip, description: Bootloader) -> None:
        self._flash = flash
        self._chip = chip
        self._description = description
        self.log = Log()
        self.writes: list[Write] = []

    def run(self) -> Started:
        """Raises Halt where nothing can be started."""
        self._introduce()
        table = self._table()
        apps = {
            p.subtype - OTA_FIRST: p
            for p in table
            if p.type == TYPE_APP and OTA_FIRST <= p.subtype <= OTA_LAST
        }
        factory = next((p for p in table if (p.type, p.subtype) == (TYPE_APP, FACTORY)), None)
        apps |= {-1: factory} if factory else {}
        otadata = next((p for p in table if (p.type, p.subtype) == (DATA, OTA_DATA)), None)
        choice = self._choose(otadata, apps)
        for index in _order(choice.index, apps):
            started = self._try(index, apps[index], table)
            if started:
                self._settle(otadata, choice, index)
                self.log.say("boot", "Disabling RNG early entropy source...")
                return started
        raise Halt("No bootable app partitions in the partition table", Reset.SOFTWARE)

    def _introduce(self) -> None:
        chip, header = self._chip, read_header(self._flash, self._chip.bootloader)
        major, minor = chip.revision
        self.log.say("boot", f"ESP-IDF {self._description.framework} 2nd stage bootloader")
        if self._description.built:
            self.log.say("boot", f"compile time {self._description.built}")
        if chip.cores > 1:
            self.log.say("boot", "Multicore bootloader")
        self.log.say("boot", f"chip revision: v{major}.{minor}")
        self.log.say("boot", "efuse block revision: v0.0")
        speed = "Boot SPI Speed :" if chip.cores > 1 else "SPI Speed      :"
        self.log.say(f"boot.{chip.name}", f"{speed} {SPEEDS.get(header.speed, '20MHz')}")
        self.log.say(f"boot.{chip.name}", f"SPI Mode       : {MODES.get(header.mode, 'SLOW READ')}")
        self.log.say(f"boot.{chip.name}", f"SPI Flash Size : {1 << header.size}MB")
        self.log.say("boot", "Enabling RNG early entropy source...")

    def _table(self) -> tuple[Partition, ...]:
        try:
            table = tuple(read_table(self._flash))
        except BadTable as bad:
            self.log.bad("flash_parts", str(bad))
            self.log.bad("boot", "Failed to verify partition table")
            raise Halt("load partition table error!", Reset.SOFTWARE) from None
        self.log.say("boot", "Partition Table:")
        self.log.say("boot", "## Label            Usage          Type ST Offset   Length")
        for number, p in enumerate(table):
            kind = f"{p.type:02x} {p.subtype:02x} {p.offset:08x} {p.size:08x}"
            self.log.say("boot", f"{number:2} {p.label:<16} {p.usage:<16} {kind}")
        self.log.say("boot", "End of partition table")
        return table

    def _choose(self, otadata: Partition | None, apps: dict[int, Partition]) -> Choice:
        if otadata is None:
            blank = Select.make(0, State.UNDEFINED)
            return Choice(-1, False, (blank, blank), frozenset())
        choice = choose(read_select(self._flash, otadata), sum(n >= 0 for n in apps), factory=-1 in apps)
        for number in sorted(choice.changed):
            self.writes.append(Write(otadata.offset + number * SECTOR, choice.entries[number].pack()))
        if choice.note:
            self.log.say("boot", choice.note)
        if choice.error:
            self.log.bad("boot", choice.error)
        return choice

    def _settle(self, otadata: Partition | None, choice: Choice, index: int) -> None:
        """Where nothing was chosen yet, what boots is the choice from now on."""
        if otadata is not None and choice.fresh and index >= 0:
            self.writes.append(Write(otadata.offset, Select.make(index + 1, State.VALID).pack()))
            self.log.say("boot", f"Set actual ota_seq={index + 1} in otadata[0]")

    def _try(self, index: int, partition: Partition, table: tuple[Partition, ...]) -> Started | None:
        try:
            first = self._check(partition)
        except BadImage as bad:
            self.log.bad(bad.tag, str(bad))
            name = f"OTA app partition slot {index}" if index >= 0 else "Factory app partition"
            self.log.bad("boot", f"{name} is not bootable")
            return None
        self.log.say("boot", f"Loaded app from partition at offset {partition.offset:#x}")
        application = Application.parse(first) or Application(version="", project="")
        return Started(index, partition, table, application, first[APP.size :])

    def _check(self, partition: Partition) -> bytes:
        """The data of its first segment. Raises BadImage."""
        try:
            header = self._header(partition)
            segments = list(self._segments(partition, header))
            ending = read_ending(self._flash, partition.offset, segments, hashed=header.hashed)
        except OutOfFlash:
            raise BadImage(f"bootloader_flash_read failed at {partition.offset:#010x}") from None
        if ending.stored != ending.computed:
            raise BadImage(f"Checksum failed. Calculated {ending.computed:#x} read {ending.stored:#x}")
        if ending.length > partition.size:
            raise BadImage(f"Image length {ending.length} doesn't fit in partition length {partition.size}")
        if ending.stored_digest != ending.computed_digest:
            raise BadImage("Image hash failed - image is corrupt")
        return self._flash.read(segments[0].offset, segments[0].length) if segments else b""

    def _header(self, partition: Partition) -> Header:
        header = read_header(self._flash, partition.offset)
        if header.magic != MAGIC:
            raise BadImage(f"image at {partition.offset:#x} has invalid magic byte (nothing flashed here?)")
        if header.chip != self._chip.id:
            raise BadImage(f"mismatch chip ID, expected {self._chip.id}, found {header.chip}", "boot_comm")
        major, minor = self._chip.revision
        found = f"found v{major}.{minor}."
        for limit, sign, wrong in (
            (header.least_revision, ">=", major * 100 + minor < header.least_revision),
            (header.most_revision, "<=", 0 < header.most_revision < major * 100 + minor),
        ):
            if wrong:
                needed = f"Required {sign} v{limit // 100}.{limit % 100}, {found}"
                raise BadImage(f"chip revision check failed. {needed}", "boot_comm")
        if header.segments > SEGMENTS_MOST:
            count = f"segment count {header.segments} exceeds max {SEGMENTS_MOST}"
            raise BadImage(f"image at {partition.offset:#x} {count}")
        return header

    def _segments(self, partition: Partition, header: Header) -> Iterator[Segment]:
        at = partition.offset + HEADER.size
        for number in range(header.segments):
            segment = read_segment(self._flash, at)
            use = self._use(number, segment)
            address = f"paddr={segment.offset:08x} vaddr={segment.address:08x}"
            size = f"size={segment.length:05x}h ({segment.length:6})"
            self.log.say("esp_image", f"segment {number}: {address} {size} {use}")
            end = segment.address + segment.length
            if use == "load" and segment.length and not self._chip.in_ram(segment.address, segment.length):
                where = f"{segment.address:#010x}-{end:#010x}"
                raise BadImage(f"Segment {number} {where} invalid: bad load address range")
            yield segment
            at = segment.offset + segment.length

    def _use(self, number: int, segment: Segment) -> str:
        if segment.length % 4 or segment.length >= 16 * MEGABYTE:
            raise BadImage(f"invalid segment length {segment.length:#x}")
        if not self._chip.is_mapped(segment.address):
            return "load" if segment.address >= LOADED_FROM else ""
        if segment.offset % PAGE != segment.address % PAGE:
            addresses = f"load address {segment.address:#010x}, doesn't match data {segment.offset:#010x}"
            raise BadImage(f"Segment {number} {addresses}")
        return "map"


def _order(first: int, apps: dict[int, Partition]) -> list[int]:
    """The chosen one, then downwards to the factory application, then upwards."""
    downwards = [n for n in range(first, -2, -1) if n in apps]
    return downwards + [n for n in range(first + 1, len(apps)) if n in apps]
