"""The loaders frame by frame: what is refused, and that nothing comes of it."""

from __future__ import annotations

import struct
import zlib
from functools import reduce
from operator import xor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.simboard.chips import ESP32C3
from hil.simboard.flash import SECTOR, Flash
from hil.simboard.loader import CHECKSUM_SEED, SYNC, Event, Loader, Op
from hil.simboard.registers import Registers
from hil.simboard.rom import Rom
from hil.simboard.stub import Stub

OK, INVALID, FAILED, CHECKSUM, FLASH, INFLATE = (bytes([n > 0, n]) for n in (0, 5, 6, 7, 8, 11))


@pytest.fixture
def rom(flash: Flash) -> Rom:
    """With flash attached."""
    made = Rom(ESP32C3, flash, Registers(ESP32C3, flash, bytes(6), strap=0), bytes(20))
    assert call(made, Op.SPI_ATTACH, bytes(8))[1][:2] == OK
    return made


@pytest.fixture
def stub(flash: Flash) -> Stub:
    return Stub(flash, Registers(ESP32C3, flash, bytes(6), strap=0), bytes(20))


def frame(op: Op, data: bytes, checksum: int = 0) -> bytes:
    return struct.pack("<BBHI", 0, op.value, len(data), checksum) + data


def call(loader: Loader, op: Op, data: bytes = b"", checksum: int = 0) -> tuple[int, bytes]:
    """Value and rest of the first answer."""
    answer = loader.frame(frame(op, data, checksum)).frames[0]
    direction, told, length, value = struct.unpack_from("<BBHI", answer)
    assert (direction, told, length) == (1, op.value, len(answer) - 8)
    return value, answer[8:]


def words(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


def block(content: bytes, sequence: int = 0) -> tuple[bytes, int]:
    return words(len(content), sequence, 0, 0) + content, reduce(xor, content, CHECKSUM_SEED)


def test_sync_is_answered_eight_times_and_tells_rom_from_stub(rom: Rom, stub: Stub) -> None:
    assert len(rom.frame(frame(Op.SYNC, SYNC)).frames) == 8
    assert call(rom, Op.SYNC, SYNC)[0] != 0
    assert call(stub, Op.SYNC, SYNC)[0] == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=st.binary(max_size=200))
def test_no_frame_breaks_the_rom(rom: Rom, payload: bytes) -> None:
    assert all(len(answer) >= 12 for answer in rom.frame(payload).frames)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(op=st.sampled_from(Op), data=st.binary(max_size=64), checksum=st.integers(0, 2**32 - 1))
def test_no_request_breaks_a_loader(rom: Rom, stub: Stub, op: Op, data: bytes, checksum: int) -> None:
    for loader in (rom, stub):
        loader.frame(frame(op, data, checksum))


def test_what_is_no_request_is_not_answered(rom: Rom) -> None:
    assert rom.frame(b"\x01" + frame(Op.SYNC, SYNC)[1:]).frames == ()
    assert rom.frame(b"\x00\x08").frames == ()


def test_a_length_that_is_not_true_is_refused(rom: Rom) -> None:
    short = frame(Op.SYNC, SYNC)[:-1]
    assert rom.frame(short).frames[0][8:10] == INVALID


def test_an_unknown_command_is_refused(rom: Rom, stub: Stub) -> None:
    assert rom.frame(struct.pack("<BBHI", 0, 0x77, 0, 0)).frames[0][8:10] == INVALID
    assert call(rom, Op.ERASE_FLASH)[1][:2] == INVALID  # which only the stub has
    assert stub.frame(struct.pack("<BBHI", 0, 0x77, 0, 0)).frames[0][8:] == b"\xc3\x00"


def test_the_rom_needs_flash_attached(flash: Flash) -> None:
    rom = Rom(ESP32C3, flash, Registers(ESP32C3, flash, bytes(6), strap=0), bytes(20))
    assert call(rom, Op.FLASH_BEGIN, words(SECTOR, 4, 0x400, 0, 0))[1][:2] == FAILED
    assert call(rom, Op.SPI_FLASH_MD5, words(0, 16, 0, 0))[1][:2] == FAILED


def test_the_rom_knows_no_more_flash_than_it_was_told_of(rom: Rom) -> None:
    call(rom, Op.SPI_SET_PARAMS, words(0, 1 << 20, 65536, 4096, 256, 0xFFFF))
    assert call(rom, Op.READ_FLASH_SLOW, words((1 << 20) - 64, 64))[1][-4:-2] == OK
    assert call(rom, Op.READ_FLASH_SLOW, words((1 << 20) - 63, 64))[1][:2] == FAILED


def test_a_block_with_a_wrong_checksum_is_refused_and_not_written(rom: Rom, flash: Flash) -> None:
    call(rom, Op.FLASH_BEGIN, words(16, 1, 16, 0, 0))
    data, checksum = block(b"0123456789abcdef")
    assert call(rom, Op.FLASH_DATA, data, checksum ^ 1)[1][:2] == CHECKSUM
    assert flash.read(0, 16) == b"\xff" * 16
    assert call(rom, Op.FLASH_DATA, data, checksum)[1][:2] == OK
    assert flash.read(0, 16) == b"0123456789abcdef"


def test_data_without_a_beginning_is_refused(rom: Rom, stub: Stub) -> None:
    data, checksum = block(b"1234")
    assert call(rom, Op.FLASH_DATA, data, checksum)[1][:2] == FAILED
    assert call(stub, Op.FLASH_DATA, data, checksum)[1] == b"\xc6\x00"


def test_compressed_data_that_is_damaged_or_too_much_is_refused(rom: Rom) -> None:
    for content in (b"not deflated", zlib.compress(bytes(10_000_000))):
        call(rom, Op.FLASH_DEFL_BEGIN, words(SECTOR, 1, 0x400, 0, 0))
        data, checksum = block(content)
        assert call(rom, Op.FLASH_DEFL_DATA, data, checksum)[1][:2] == INFLATE


def test_the_rom_erases_first_and_the_stub_on_its_way(rom: Rom, stub: Stub, flash: Flash) -> None:
    begin = words(2 * SECTOR, 2, SECTOR, 0, 0)
    flash.program(0, bytes(2 * SECTOR))
    call(stub, Op.FLASH_BEGIN, begin)
    assert flash.read(0, 2 * SECTOR) == bytes(2 * SECTOR)
    data, checksum = block(b"\xaa" * SECTOR)
    call(stub, Op.FLASH_DATA, data, checksum)
    assert flash.read(0, 2 * SECTOR) == b"\xaa" * SECTOR + bytes(SECTOR)
    call(rom, Op.FLASH_BEGIN, begin)
    assert flash.read(0, 2 * SECTOR) == b"\xff" * 2 * SECTOR


def test_the_stub_owes_what_went_wrong_with_a_block_to_the_next_command(stub: Stub) -> None:
    call(stub, Op.FLASH_DEFL_BEGIN, words(SECTOR, 1, 0x4000, 0))
    data, checksum = block(b"not deflated")
    assert call(stub, Op.FLASH_DEFL_DATA, data, checksum)[1] == b"\x00\x00"
    assert call(stub, Op.SYNC, SYNC)[1] == b"\xc7\x00"
    assert call(stub, Op.SYNC, SYNC)[1] == b"\x00\x00"


def test_the_stub_does_not_end_a_write_that_is_not_whole(stub: Stub) -> None:
    call(stub, Op.FLASH_BEGIN, words(SECTOR, 1, SECTOR, 0))
    assert call(stub, Op.FLASH_END, words(1))[1] == b"\xc0\x00"


@pytest.mark.parametrize(("op", "data"), [(Op.ERASE_REGION, (1, SECTOR)), (Op.ERASE_REGION, (0, 100))])
def test_the_stub_erases_whole_sectors_only(op: Op, data: tuple[int, int], stub: Stub, flash: Flash) -> None:
    flash.program(0, bytes(SECTOR))
    assert call(stub, op, words(*data))[1] == b"\xc0\x00"
    assert flash.read(0, SECTOR) == bytes(SECTOR)


def test_beyond_the_flash_nothing_is_read_or_erased(stub: Stub, flash: Flash) -> None:
    assert call(stub, Op.READ_FLASH, words(flash.size, SECTOR, SECTOR, 64))[1] == b"\xc4\x00"
    assert call(stub, Op.ERASE_REGION, words(flash.size, SECTOR))[1] == b"\xc4\x00"


def test_reading_stops_where_the_host_does_not_acknowledge(stub: Stub) -> None:
    answer = stub.frame(frame(Op.READ_FLASH, words(0, 2 * SECTOR, SECTOR, 64)))
    assert [len(sent) for sent in answer.frames] == [10, SECTOR]
    assert stub.frame(b"stop").frames[0] == b"\xff" * SECTOR
    assert stub.frame(b"no acknowledgement").frames == ()
    assert call(stub, Op.SYNC, SYNC)[1] == b"\x00\x00"


def test_run_user_code_has_no_answer(stub: Stub) -> None:
    answer = stub.frame(frame(Op.RUN_USER_CODE, b""))
    assert (answer.frames, answer.event) == ((), Event.RUN)


def test_a_program_goes_to_ram_whole_or_is_not_started(rom: Rom) -> None:
    assert call(rom, Op.MEM_BEGIN, words(8, 2, 4, 0x20000000))[1][:2] == FAILED
    assert call(rom, Op.MEM_BEGIN, words(8, 2, 4, 0x40380000))[1][:2] == OK
    call(rom, Op.MEM_DATA, *block(b"abcd"))
    assert call(rom, Op.MEM_END, words(0, 0x40380000))[1][:2] == FAILED
    call(rom, Op.MEM_DATA, *block(b"efgh", 1))
    assert call(rom, Op.MEM_END, words(0, 0x40390000))[1][:2] == FAILED
    assert rom.frame(frame(Op.MEM_END, words(0, 0x40380004))).event is Event.STUB


def test_the_watchdog_bites_once_it_is_set_and_locked(rom: Rom) -> None:
    config, lock = ESP32C3.watchdog
    for address, value, bites in (
        (lock, 0x50D83AA1, False),
        (config, 1 << 31 | 5 << 28, False),
        (lock, 0, True),
    ):
        answer = rom.frame(frame(Op.WRITE_REG, words(address, value, 0xFFFFFFFF, 0)))
        assert (answer.event is Event.RESET) == bites


def test_the_flash_chip_tells_its_size_over_spi(rom: Rom) -> None:
    for address, value in ((0x60002020, 7 << 28 | 0x9F), (0x60002000, 1 << 18)):
        call(rom, Op.WRITE_REG, words(address, value, 0xFFFFFFFF, 0))
    assert call(rom, Op.READ_REG, words(0x60002000))[0] == 0
    assert call(rom, Op.READ_REG, words(0x60002058))[0] == 0x1640EF
