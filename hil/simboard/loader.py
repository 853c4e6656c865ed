"""The ROM's serial loader: frames in, frames and events out; flash and registers are handed in.

The protocol: docs.espressif.com/projects/esptool, "Serial Protocol"; what the ROM and the stub answer is checked
against what esptool 5 expects (esptool/loader.py) and what esp-flasher-stub does (src/command_handler.c).
"""

from __future__ import annotations

import hashlib
import operator
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import reduce

from hil.simboard.download import Download
from hil.simboard.errors import BadDeflate, BadProgram, OutOfFlash, SimboardError
from hil.simboard.flash import Flash
from hil.simboard.registers import Registers

FRAME_MOST = 0x4000 + 64
"""The longest request: the stub's block of 16 KiB, and what stands before it."""
HEADER = struct.Struct("<BBHI")
CHECKSUM_SEED = 0xEF
SYNC = b"\x07\x07\x12\x20" + 32 * b"\x55"


class Op(Enum):
    """The commands."""

    FLASH_BEGIN = 0x02
    FLASH_DATA = 0x03
    FLASH_END = 0x04
    MEM_BEGIN = 0x05
    MEM_END = 0x06
    MEM_DATA = 0x07
    SYNC = 0x08
    WRITE_REG = 0x09
    READ_REG = 0x0A
    SPI_SET_PARAMS = 0x0B
    SPI_ATTACH = 0x0D
    READ_FLASH_SLOW = 0x0E
    CHANGE_BAUDRATE = 0x0F
    FLASH_DEFL_BEGIN = 0x10
    FLASH_DEFL_DATA = 0x11
    FLASH_DEFL_END = 0x12
    SPI_FLASH_MD5 = 0x13
    GET_SECURITY_INFO = 0x14
    ERASE_FLASH = 0xD0
    ERASE_REGION = 0xD1
    READ_FLASH = 0xD2
    RUN_USER_CODE = 0xD3


class Fault(Enum):
    """What a command can be refused for: the ROM's number, the stub's."""

    INVALID = (0x05, 0xC0)
    FAILED = (0x06, 0xC6)
    CHECKSUM = (0x07, 0xC1)
    FLASH = (0x08, 0xC4)
    INFLATE = (0x0B, 0xC7)
    UNKNOWN = (0x05, 0xC3)


class Refused(Exception):
    """A command that is answered with a fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


FAULTS = {OutOfFlash: Fault.FLASH, BadDeflate: Fault.INFLATE, BadProgram: Fault.FAILED}


def fault_of(error: Refused | SimboardError) -> Fault:
    """What an error is answered with."""
    return error.fault if isinstance(error, Refused) else FAULTS[type(error)]


class Event(Enum):
    """What a command sets off, once it is answered."""

    STUB = auto()
    """A program was loaded and started."""
    RESET = auto()
    """The watchdog resets the chip."""
    RUN = auto()
    """The chip leaves the loader and starts from flash."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Payloads of frames to send, in order; then the speed that the chip goes on at, and what happens."""

    frames: tuple[bytes, ...] = ()
    baud: int | None = None
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What one command gives: the value and data of its response, and what follows."""

    value: int = 0
    data: bytes = b""
    times: int = 1
    baud: int | None = None
    event: Event | None = None
    silent: bool = False


class Loader(ABC):
    """What the ROM and the stub have in common. `frame()` takes the payload of one frame."""

    sync_value = 0

    def __init__(self, flash: Flash, registers: Registers, security: bytes) -> None:
        self.flash = flash
        self.registers = registers
        self.security = security
        self.download: Download | None = None
        self.handlers: dict[Op, Callable[[bytes, int], Reply]] = {
            Op.SYNC: self._sync,
            Op.READ_REG: self._read_reg,
            Op.WRITE_REG: self._write_reg,
            Op.SPI_ATTACH: self._attach,
            Op.SPI_SET_PARAMS: self._set_params,
            Op.CHANGE_BAUDRATE: self._change_baud,
            Op.GET_SECURITY_INFO: self._security_info,
            Op.SPI_FLASH_MD5: self._md5,
            Op.FLASH_BEGIN: self._flash_begin,
            Op.FLASH_DATA: self._flash_data,
            Op.FLASH_END: self._flash_end,
            Op.FLASH_DEFL_BEGIN: self._deflated_begin,
            Op.FLASH_DEFL_DATA: self._flash_data,
            Op.FLASH_DEFL_END: self._flash_end,
        }

    def frame(self, payload: bytes) -> Answer:
        """Never raises: what is no request is not answered."""
        if len(payload) < HEADER.size or payload[0] != 0:
            return Answer()
        _, op, length, checksum = HEADER.unpack_from(payload)
        data = payload[HEADER.size :]
        try:
            reply = self._dispatch(op, data, length, checksum)
        except (Refused, SimboardError) as error:
            return Answer((self._response(op, Reply(), fault_of(error)),))
        frames = () if reply.silent else (self._response(op, reply, None),) * reply.times
        return Answer(frames, reply.baud, reply.event)

    @abstractmethod
    def status(self, fault: Fault | None) -> bytes:
        """The bytes that end a response."""

    def _dispatch(self, op: int, data: bytes, length: int, checksum: int) -> Reply:
        if length != len(data):
            raise Refused(Fault.INVALID)
        try:
            handler = self.handlers[Op(op)]
        except (ValueError, KeyError):
            raise Refused(Fault.UNKNOWN) from None
        return handler(data, checksum)

    def _response(self, op: int, reply: Reply, fault: Fault | None) -> bytes:
        body = reply.data + self.status(fault)
        return HEADER.pack(1, op, len(body), reply.value) + body

    def _sync(self, data: bytes, _checksum: int) -> Reply:
        if data != SYNC:
            raise Refused(Fault.INVALID)
        return Reply(value=self.sync_value, times=8)

    def _read_reg(self, data: bytes, _checksum: int) -> Reply:
        (address,) = words(data, 1)
        return Reply(value=self.registers.read(address))

    def _write_reg(self, data: bytes, _checksum: int) -> Reply:
        if not data or len(data) % 16:
            raise Refused(Fault.INVALID)
        for address, value, mask, _delay in struct.iter_unpack("<IIII", data):
            self.registers.write(address, value, mask)
        return Reply(event=Event.RESET if self.registers.watchdog_bites else None)

    def _attach(self, data: bytes, _checksum: int) -> Reply:
        if len(data) not in {4, 8}:
            raise Refused(Fault.INVALID)
        return Reply()

    def _set_params(self, data: bytes, _checksum: int) -> Reply:
        words(data, 6)
        return Reply()

    def _change_baud(self, data: bytes, _checksum: int) -> Reply:
        baud, _old = words(data, 2)
        if not 300 <= baud <= 5_000_000:
            raise Refused(Fault.INVALID)
        return Reply(baud=baud)

    def _security_info(self, _data: bytes, _checksum: int) -> Reply:
        return Reply(data=self.security)

    def _md5(self, data: bytes, _checksum: int) -> Reply:
        offset, length, _, _ = words(data, 4)
        return Reply(data=self.digest(hashlib.md5(self.flash.read(offset, length), usedforsecurity=False)))

    def digest(self, md5: hashlib._Hash) -> bytes:
        """As this loader sends it."""
        return md5.digest()

    def _flash_begin(self, data: bytes, _checksum: int) -> Reply:
        self.download = self.begin(data, deflated=False)
        return Reply()

    def _deflated_begin(self, data: bytes, _checksum: int) -> Reply:
        self.download = self.begin(data, deflated=True)
        return Reply()

    @abstractmethod
    def begin(self, data: bytes, *, deflated: bool) -> Download:
        """What FLASH_BEGIN and FLASH_DEFL_BEGIN start."""

    def _flash_data(self, data: bytes, checksum: int) -> Reply:
        if self.download is None:
            raise Refused(Fault.FAILED)
        self.write(self.download, block(data, checksum))
        return Reply()

    def write(self, download: Download, content: bytes) -> None:
        """One block."""
        download.write(content)

    def _flash_end(self, data: bytes, _checksum: int) -> Reply:
        words(data, 1)
        self.download = None
        return Reply(event=Event.RUN)


def words(data: bytes, count: int) -> tuple[int, ...]:
    """Exactly that many little-endian words. Raises Refused."""
    if len(data) != 4 * count:
        raise Refused(Fault.INVALID)
    return struct.unpack(f"<{count}I", data)


def block(data: bytes, checksum: int) -> bytes:
    """The content of a DATA command: length, sequence number, two words of 0, content. Raises Refused."""
    if len(data) < 16 or len(data) - 16 != int.from_bytes(data[:4], "little"):
        raise Refused(Fault.INVALID)
    content = data[16:]
    if reduce(operator.xor, content, CHECKSUM_SEED) != checksum:
        raise Refused(Fault.CHECKSUM)
    return content
