"""esptool's stub, once it runs in RAM: faster, and it can read and erase."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

from hil.simboard.download import Download
from hil.simboard.errors import SimboardError
from hil.simboard.flash import SECTOR, Flash
from hil.simboard.loader import Answer, Event, Fault, Loader, Op, Refused, Reply, fault_of, words
from hil.simboard.registers import Registers

GREETING = b"OHAI"


@dataclass(slots=True)
class Reading:
    """A READ_FLASH under way: one packet at a time, each acknowledged by the count of bytes so far."""

    at: int
    end: int
    packet: int
    md5: hashlib._Hash = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))


class Stub(Loader):
    """Answers end in two bytes of status.

    A block is acknowledged before it is written, as on the chip: what goes wrong with it answers the next command.
    """

    def __init__(self, flash: Flash, registers: Registers, security: bytes) -> None:
        super().__init__(flash, registers, security)
        self._owed: Fault | None = None
        self._reading: Reading | None = None
        self.handlers |= {
            Op.ERASE_FLASH: self._erase_flash,
            Op.ERASE_REGION: self._erase_region,
            Op.READ_FLASH: self._read_flash,
            Op.RUN_USER_CODE: self._run_user_code,
        }

    def status(self, fault: Fault | None) -> bytes:
        """A code, high byte first."""
        return bytes([0 if fault is None else fault.value[1], 0])

    def frame(self, payload: bytes) -> Answer:
        """As any loader; while flash is read, a frame is an acknowledgement."""
        if self._reading is not None:
            return Answer(self._acknowledged(self._reading, payload))
        answer = super().frame(payload)
        if self._reading is not None:
            return Answer((*answer.frames, *self._packet(self._reading)))
        return answer

    def begin(self, data: bytes, *, deflated: bool) -> Download:
        """Erases on the way."""
        if len(data) not in {16, 20}:
            raise Refused(Fault.INVALID)
        size, _blocks, _length, offset = words(data[:16], 4)
        self.flash.check(offset, size)
        return Download(self.flash, offset, size, deflated=deflated, erased=False)

    def write(self, download: Download, content: bytes) -> None:
        """Owes what goes wrong."""
        try:
            download.write(content)
        except SimboardError as error:
            self._owed = fault_of(error)

    def _dispatch(self, op: int, data: bytes, length: int, checksum: int) -> Reply:
        owed, self._owed = self._owed, None
        if owed is not None:
            raise Refused(owed)
        return super()._dispatch(op, data, length, checksum)

    def _flash_end(self, data: bytes, _checksum: int) -> Reply:
        words(data, 1)
        if self.download is None:
            raise Refused(Fault.FAILED)
        if self.download.remaining:
            raise Refused(Fault.INVALID)
        self.download = None
        return Reply()

    def _erase_flash(self, _data: bytes, _checksum: int) -> Reply:
        self.flash.erase(0, self.flash.size)
        return Reply()

    def _erase_region(self, data: bytes, _checksum: int) -> Reply:
        offset, length = words(data, 2)
        if offset % SECTOR or length % SECTOR:
            raise Refused(Fault.INVALID)
        self.flash.erase(offset, length)
        return Reply()

    def _run_user_code(self, _data: bytes, _checksum: int) -> Reply:
        return Reply(silent=True, event=Event.RUN)

    def _read_flash(self, data: bytes, _checksum: int) -> Reply:
        offset, length, packet, _in_flight = words(data, 4)
        if not 0 < packet <= SECTOR:
            raise Refused(Fault.INVALID)
        self.flash.check(offset, length)
        self._reading = Reading(offset, offset + length, packet)
        return Reply()

    def _packet(self, reading: Reading) -> tuple[bytes, ...]:
        """The next one, or the digest that ends it."""
        if reading.at == reading.end:
            self._reading = None
            return (reading.md5.digest(),)
        data = self.flash.read(reading.at, min(reading.packet, reading.end - reading.at))
        reading.md5.update(data)
        reading.at += len(data)
        return (data,)

    def _acknowledged(self, reading: Reading, payload: bytes) -> tuple[bytes, ...]:
        if len(payload) != struct.calcsize("<I"):
            self._reading = None
            return ()
        return self._packet(reading)
