"""The partition table and the choice between two applications, as ESP-IDF's bootloader reads them.

Sources: ESP-IDF 5.5, bootloader_support: flash_partitions.c, bootloader_common_loader.c, bootloader_utility.c, with
CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass, replace
from enum import IntEnum

from hil.simboard.flash import SECTOR, Flash

TABLE = 0x8000
TABLE_MOST = 0xC00
ENTRY = struct.Struct("<HBBII16sI")
MAGIC, MAGIC_MD5 = 0x50AA, 0xEBEB
APP, DATA = 0x00, 0x01
OTA_FIRST, OTA_LAST = 0x10, 0x1F
FACTORY, OTA_DATA, RF, NVS, CORE_DUMP = 0x00, 0x00, 0x01, 0x02, 0x03
USAGES = {
    (APP, FACTORY): "factory app",
    (APP, 0x20): "test app",
    (DATA, OTA_DATA): "OTA data",
    (DATA, RF): "RF data",
    (DATA, NVS): "WiFi data",
    (DATA, 0x04): "NVS keys",
    (DATA, 0x05): "efuse",
}


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry of the table."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int

    @property
    def usage(self) -> str:
        """As the bootloader calls it."""
        if self.type == APP and OTA_FIRST <= self.subtype <= OTA_LAST:
            return "OTA app"
        kinds = {APP: "Unknown app", DATA: "Unknown data"}
        return USAGES.get((self.type, self.subtype), kinds.get(self.type, "unknown"))

    def pack(self) -> bytes:
        """Its 32 bytes."""
        label = self.label.encode()
        return ENTRY.pack(MAGIC, self.type, self.subtype, self.offset, self.size, label, 0)


class BadTable(Exception):
    """The table cannot be used."""


def pack_table(partitions: list[Partition]) -> bytes:
    """The file of a table, with its MD5."""
    entries = b"".join(partition.pack() for partition in partitions)
    md5 = hashlib.md5(entries, usedforsecurity=False).digest()
    sealed = entries + struct.pack("<H14x", MAGIC_MD5).replace(b"\x00", b"\xff") + md5
    return sealed.ljust(TABLE_MOST, b"\xff")


def read_table(flash: Flash, flash_size: int) -> list[Partition]:
    """All entries, for a flash that is said to be of that size. Raises BadTable, with the bootloader's words."""
    table, found, sealed = flash.read(TABLE, TABLE_MOST), [], False
    for number in range(TABLE_MOST // ENTRY.size):
        raw = table[number * ENTRY.size : (number + 1) * ENTRY.size]
        magic, kind, subtype, offset, size, label, _flags = ENTRY.unpack(raw)
        if magic == MAGIC:
            if offset + size > flash_size:
                where = f"offset {offset:#x} size {size:#x} exceeds flash chip size {flash_size:#x}"
                raise BadTable(f"partition {number} invalid - {where}")
            found.append(
                Partition(label.split(b"\x00", 1)[0].decode(errors="replace"), kind, subtype, offset, size)
            )
        elif magic == MAGIC_MD5:
            sealed = _check_seal(table[: number * ENTRY.size], raw, again=sealed)
        elif number and raw[:4] == b"\xff\xff\xff\xff":
            return found
        else:
            raise BadTable(f"partition {number} invalid magic number {magic:#x}")
    raise BadTable("partition table has no terminating entry, not valid")


def _check_seal(entries: bytes, raw: bytes, *, again: bool) -> bool:
    if again:
        raise BadTable("Only one MD5 checksum is allowed")
    if hashlib.md5(entries, usedforsecurity=False).digest() != raw[16:]:
        raise BadTable("Incorrect MD5 checksum")
    return True


class State(IntEnum):
    """esp_ota_img_states_t."""

    NEW = 0
    PENDING_VERIFY = 1
    VALID = 2
    INVALID = 3
    ABORTED = 4
    UNDEFINED = 0xFFFFFFFF


SELECT = struct.Struct("<I20sII")
ERASED = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Select:
    """esp_ota_select_entry_t, of which there are two."""

    sequence: int
    state: int
    crc: int
    label: bytes = b"\xff" * 20

    @classmethod
    def parse(cls, data: bytes) -> Select:
        """Of 32 bytes."""
        sequence, label, state, crc = SELECT.unpack(data)
        return cls(sequence, state, crc, label)

    @classmethod
    def make(cls, sequence: int, state: State) -> Select:
        """With the right checksum."""
        return cls(sequence, state, crc(sequence))

    def pack(self) -> bytes:
        """Its 32 bytes."""
        return SELECT.pack(self.sequence, self.label, self.state, self.crc)

    @property
    def invalid(self) -> bool:
        """Not to be booted: never written, or found wanting."""
        return self.sequence == ERASED or self.state in {State.INVALID, State.ABORTED}

    @property
    def damaged(self) -> bool:
        """Never written, or not written whole."""
        return self.sequence == ERASED or self.crc != crc(self.sequence)


def crc(sequence: int) -> int:
    """Over the sequence number alone."""
    return zlib.crc32(struct.pack("<I", sequence), ERASED)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which slot to try first; -1 is the factory application."""

    index: int
    fresh: bool
    """Nothing was chosen yet: the slot that boots is written down."""
    entries: tuple[Select, Select]
    changed: frozenset[int]
    """Which of the entries have to be written."""
    note: str = ""
    error: str = ""


def choose(entries: tuple[Select, Select], apps: int, *, factory: bool) -> Choice:
    """The bootloader's choice, with what it writes down on the way.

    An application that was tried and did not say that it works (PENDING_VERIFY) is ABORTED; a NEW one gets its try.
    """
    pending = [n for n in (0, 1) if entries[n].state == State.PENDING_VERIFY]
    first, second = (replace(e, state=State.ABORTED) if n in pending else e for n, e in enumerate(entries))
    entries, changed = (first, second), frozenset(pending)
    if all(entry.invalid for entry in entries) or apps == 0:
        if factory:
            return Choice(-1, False, entries, changed, "Defaulting to factory image")
        fresh = all(entry.damaged for entry in entries)
        return Choice(0, fresh, entries, changed, "No factory image, trying OTA 0")
    sound = [n for n in (0, 1) if not entries[n].invalid and not entries[n].damaged]
    if not sound:
        rest = ", falling back to factory" if factory else " and no factory, will try all partitions"
        return Choice(-1, False, entries, changed, error="ota data partition invalid" + rest)
    active = max(sound, key=lambda n: (entries[n].sequence, -n))
    if entries[active].state == State.NEW:
        tried = replace(entries[active], state=State.PENDING_VERIFY)
        entries = (tried, entries[1]) if active == 0 else (entries[0], tried)
        changed |= {active}
    return Choice((entries[active].sequence - 1) % apps, False, entries, changed)


def read_select(flash: Flash, otadata: Partition) -> tuple[Select, Select]:
    """Both entries, a sector apart."""
    first, second = (Select.parse(flash.read(otadata.offset + n * SECTOR, SELECT.size)) for n in (0, 1))
    return first, second
