"""The flash chip: a file with the rules of NOR. Erased is 0xFF, by whole sectors; writing only clears bits."""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path

from ground.trouble import reason
from hil.simboard.errors import BadFlashFile, FlashInUse, OutOfFlash

SECTOR = 4096
MEGABYTE = 1024 * 1024
SIZES = {f"{n}MB": n * MEGABYTE for n in (1, 2, 4, 8, 16, 32)}
WINBOND = 0xEF  # manufacturer in the JEDEC id
MEMORY_TYPE = 0x40  # W25Q: 3 V, standard


class Flash:
    """A flash image in a file, mapped; another process that writes the same file is seen. Not thread-safe."""

    def __init__(self, path: Path, size: int) -> None:
        """Open, or make an erased one of `size` bytes; an existing file keeps its own size.

        Raises:
            BadFlashFile: it cannot be opened, or is of a size that flash does not come in.
            FlashInUse: another simulated board has it.
        """
        self._file = _open(path, size)
        self.size = os.fstat(self._file).st_size
        self._map = mmap.mmap(self._file, self.size)
        self.weak: int | None = None
        """An address whose cell loses a bit whenever it is written: verifying fails there."""

    @property
    def jedec_id(self) -> int:
        """As the RDID command (0x9F) reads it, first byte lowest."""
        return WINBOND | MEMORY_TYPE << 8 | (self.size.bit_length() - 1) << 16

    def read(self, offset: int, length: int) -> bytes:
        """Raises OutOfFlash."""
        self.check(offset, length)
        return self._map[offset : offset + length]

    def erase(self, offset: int, length: int) -> None:
        """Whole sectors to 0xFF. Raises OutOfFlash."""
        self.check(offset, length)
        if offset % SECTOR or length % SECTOR:
            raise OutOfFlash(f"{length:#x} bytes at {offset:#x} are not whole sectors of {SECTOR} bytes")
        self._map[offset : offset + length] = b"\xff" * length

    def program(self, offset: int, data: bytes) -> None:
        """Clear the bits that are 0 in `data`. Raises OutOfFlash."""
        old = int.from_bytes(self.read(offset, len(data)), "little")
        new = old & int.from_bytes(data, "little")
        self._map[offset : offset + len(data)] = new.to_bytes(len(data), "little")
        if self.weak is not None and offset <= self.weak < offset + len(data):
            self._map[self.weak] &= self._map[self.weak] - 1 if self._map[self.weak] else 0

    def replace(self, offset: int, data: bytes) -> None:
        """Erase the sectors that `data` lies in, all of them its own, and program it. Raises OutOfFlash."""
        self.erase(offset, -(-len(data) // SECTOR) * SECTOR)
        self.program(offset, data)

    def close(self) -> None:
        """Idempotent."""
        if not self._map.closed:
            self._map.close()
            os.close(self._file)

    def check(self, offset: int, length: int) -> None:
        """Raises OutOfFlash where it is not all within."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise OutOfFlash(f"{length:#x} bytes at {offset:#x} are not within {self.size:#x} bytes of flash")


def _open(path: Path, size: int) -> int:
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadFlashFile(
            f"{path} cannot be opened: {error.strerror}", remedy="name a file that can be written"
        ) from None
    try:
        _claim(file, path)
        _fill(file, path, size)
    except OSError as error:
        os.close(file)
        raise BadFlashFile(
            f"{path} cannot be written: {reason(error)}", remedy="make room there, or name another file"
        ) from None
    except BaseException:
        os.close(file)
        raise
    return file


def _claim(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise FlashInUse(
            f"{path} is the flash of a board that runs",
            remedy="stop that board, or give this one a file of its own",
        ) from None


def _fill(file: int, path: Path, size: int) -> None:
    found = os.fstat(file).st_size
    if found == 0:
        for _ in range(size // MEGABYTE):
            os.write(file, b"\xff" * MEGABYTE)
    elif found not in SIZES.values():
        raise BadFlashFile(
            f"{path} is {found} bytes long, and flash comes in {', '.join(SIZES)}",
            remedy="give an image of the whole flash, or a file that is not there yet",
        )
