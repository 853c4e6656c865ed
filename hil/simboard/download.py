"""A write to flash as the loaders do it, block by block: inflated or plain, erased before or on the way."""

from __future__ import annotations

import zlib

from hil.simboard.errors import BadDeflate
from hil.simboard.flash import SECTOR, Flash


def down(address: int) -> int:
    """To the start of its sector."""
    return address // SECTOR * SECTOR


def up(address: int) -> int:
    """To the end of its sector."""
    return -(-address // SECTOR) * SECTOR


class Download:
    """`size` bytes to come for `offset`."""

    def __init__(self, flash: Flash, offset: int, size: int, *, deflated: bool, erased: bool) -> None:
        """With `erased`, the caller has seen to it; else each sector is erased when the first byte for it comes."""
        self._flash = flash
        self._offset = offset
        self.remaining = size
        self._inflate = zlib.decompressobj() if deflated else None
        self._erased_to = up(offset + size) if erased else down(offset)

    def write(self, content: bytes) -> None:
        """One block; what is more than announced is padding in a plain write, and a fault in a deflated one.

        Raises:
            BadDeflate: it does not decompress, or to too much.
            OutOfFlash: it goes beyond the end.
        """
        data = self._inflated(content) if self._inflate else content[: self.remaining]
        self._erase(self._offset + len(data))
        self._flash.program(self._offset, data)
        self._offset += len(data)
        self.remaining -= len(data)

    def _inflated(self, content: bytes) -> bytes:
        assert self._inflate is not None
        try:
            data = self._inflate.decompress(content, self.remaining + 1)
        except zlib.error as error:
            raise BadDeflate(f"compressed data is damaged: {error}") from None
        if len(data) > self.remaining:
            raise BadDeflate(f"compressed data holds more than the {self.remaining} bytes announced")
        return data

    def _erase(self, end: int) -> None:
        if up(end) > self._erased_to:
            self._flash.erase(self._erased_to, up(end) - self._erased_to)
            self._erased_to = up(end)
