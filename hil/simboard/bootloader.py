"""ESP-IDF's second stage: partition table, choice of an application, its image checked.

Sources and words: ESP-IDF 5.5, components/bootloader_support (bootloader_init.c, bootloader_utility.c,
esp_image_format.c, bootloader_common_loader.c).
"""

from __future__ import annotations

from hil.simboard.chips import Chip, Reset
from hil.simboard.flash import MEGABYTE, SECTOR, Flash
from hil.simboard.image import APP, MODES, SPEEDS, Application, Bootloader, Header, read_header
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
from hil.simboard.verify import BadImage, Log, check_revision, verify


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
        table = self._table(self._introduce())
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

    def _introduce(self) -> Header:
        chip, header = self._chip, read_header(self._flash, self._chip.bootloader)
        major, minor = chip.revision
        self.log.say("boot", f"ESP-IDF {self._description.framework} 2nd stage bootloader")
        if self._description.built:
            self.log.say("boot", f"compile time {self._description.built}")
        if chip.cores > 1:
            self.log.say("boot", "Multicore bootloader")
        self.log.say("boot", f"chip revision: v{major}.{minor}")
        self.log.say("boot", "efuse block revision: v0.0")
        try:
            check_revision(chip, header, bootloader=True)
        except BadImage as bad:
            self.log.bad(bad.tag, str(bad))
            raise Halt("", Reset.SOFTWARE) from None
        speed = "Boot SPI Speed :" if chip.cores > 1 else "SPI Speed      :"
        self.log.say(f"boot.{chip.name}", f"{speed} {SPEEDS.get(header.speed, '20MHz')}")
        self.log.say(f"boot.{chip.name}", f"SPI Mode       : {MODES.get(header.mode, 'SLOW READ')}")
        self.log.say(f"boot.{chip.name}", f"SPI Flash Size : {1 << header.size}MB")
        self.log.say("boot", "Enabling RNG early entropy source...")
        return header

    def _table(self, header: Header) -> tuple[Partition, ...]:
        try:
            table = tuple(read_table(self._flash, MEGABYTE << header.size))
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
            first = verify(self._flash, self._chip, partition, self.log)
        except BadImage as bad:
            self.log.bad(bad.tag, str(bad))
            name = f"OTA app partition slot {index}" if index >= 0 else "Factory app partition"
            self.log.bad("boot", f"{name} is not bootable")
            return None
        self.log.say("boot", f"Loaded app from partition at offset {partition.offset:#x}")
        application = Application.parse(first) or Application(version="", project="")
        return Started(index, partition, table, application, first[APP.size :])


def _order(first: int, apps: dict[int, Partition]) -> list[int]:
    """The chosen one, then downwards to the factory application, then upwards."""
    downwards = [n for n in range(first, -2, -1) if n in apps]
    return downwards + [n for n in range(first + 1, len(apps)) if n in apps]
