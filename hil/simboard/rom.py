"""The loader in the ROM."""

from __future__ import annotations

import hashlib

from hil.simboard.chips import Chip
from hil.simboard.download import Download, down, up
from hil.simboard.flash import MEGABYTE, Flash
from hil.simboard.loader import Event, Fault, Loader, Op, Refused, Reply, block, words
from hil.simboard.ram import Ram
from hil.simboard.registers import Registers

READ_MOST = 64
SYNC_VALUE = 0x20120707  # anything but 0, by which esptool knows the stub


class Rom(Loader):
    """Answers end in four bytes of status. Flash is there once it is attached, up to the size that was set."""

    sync_value = SYNC_VALUE

    def __init__(self, chip: Chip, flash: Flash, registers: Registers, security: bytes) -> None:
        super().__init__(flash, registers, security)
        self.ram = Ram(chip)
        self._attached = False
        self._size = 4 * MEGABYTE
        self.handlers |= {
            Op.MEM_BEGIN: self._mem_begin,
            Op.MEM_DATA: self._mem_data,
            Op.MEM_END: self._mem_end,
            Op.READ_FLASH_SLOW: self._read_slow,
        }

    def status(self, fault: Fault | None) -> bytes:
        """Failed or not, why, and two bytes kept for later."""
        return bytes([0, 0, 0, 0] if fault is None else [1, fault.value[0], 0, 0])

    def digest(self, md5: hashlib._Hash) -> bytes:
        """In hex."""
        return md5.hexdigest().encode()

    def begin(self, data: bytes, *, deflated: bool) -> Download:
        """Erases it all first. The fifth word asks for encryption, which these chips have no key for."""
        size, blocks, length, offset, _encrypted = words(data, 5)
        self._within(offset, size)
        if size:
            self.flash.erase(down(offset), up(offset + size) - down(offset))
        return Download(
            self.flash, offset, size if deflated else blocks * length, deflated=deflated, erased=True
        )

    def _attach(self, data: bytes, checksum: int) -> Reply:
        self._attached = True
        return super()._attach(data, checksum)

    def _set_params(self, data: bytes, _checksum: int) -> Reply:
        self._size = words(data, 6)[1]
        return Reply()

    def _md5(self, data: bytes, checksum: int) -> Reply:
        self._within(*words(data, 4)[:2])
        return super()._md5(data, checksum)

    def _read_slow(self, data: bytes, _checksum: int) -> Reply:
        offset, length = words(data, 2)
        if length > READ_MOST:
            raise Refused(Fault.INVALID)
        self._within(offset, length)
        return Reply(data=self.flash.read(offset, length).ljust(READ_MOST, b"\x00"))

    def _within(self, offset: int, length: int) -> None:
        if not self._attached or offset + length > self._size:
            raise Refused(Fault.FAILED)

    def _mem_begin(self, data: bytes, _checksum: int) -> Reply:
        size, blocks, _length, address = words(data, 4)
        self.ram.begin(address, size, blocks)
        return Reply()

    def _mem_data(self, data: bytes, checksum: int) -> Reply:
        self.ram.block(int.from_bytes(data[4:8], "little"), block(data, checksum))
        return Reply()

    def _mem_end(self, data: bytes, _checksum: int) -> Reply:
        stay, entry = words(data, 2)
        if stay:
            return Reply()
        if not self.ram.start(entry):
            raise Refused(Fault.FAILED)
        return Reply(event=Event.STUB)
