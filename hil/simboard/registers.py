"""The registers that a flash tool touches: eFuses, the UART's divider, the watchdog, SPI and a flash chip behind it."""

from __future__ import annotations

from hil.simboard.chips import Chip
from hil.simboard.flash import Flash

DETECT = 0x40001000
CRYSTAL = 40_000_000
UART_DIVIDER = 0x60000014
STRAP = 0x60004038
WATCHDOG_KEY = 0x50D83AA1
WATCHDOG_ON = 1 << 31

SPI = 0x60002000
SPI_COMMAND, SPI_ADDRESS, SPI_USER2, SPI_DATA = SPI, SPI + 0x4, SPI + 0x20, SPI + 0x58
SPI_GO = 1 << 18

READ_ID, READ_SFDP = 0x9F, 0x5A
SFDP = b"SFDP\x06\x01\x00\xff".ljust(16, b"\x00") + bytes([0xEF])  # JESD216B: signature, 1.6, one header

WRITTEN_MOST = 1024
"""Registers that are remembered; a program that writes more loses those that it wrote first."""


class Registers:
    """Read and write by address. What nobody asks for reads as it was written, or 0."""

    def __init__(self, chip: Chip, flash: Flash, mac: bytes, strap: int) -> None:
        self._chip = chip
        self._flash = flash
        self._fixed = {DETECT: chip.magic, STRAP: strap, **chip.efuses(mac)}
        self._written: dict[int, int] = {}
        self.watchdog_bites = False
        """The watchdog was set to reset the chip, and locked: it will."""

    def read(self, address: int) -> int:
        """The word at an address."""
        return self._fixed.get(address, self._written.get(address, 0))

    def write(self, address: int, value: int, mask: int) -> None:
        """Changes the bits of `mask`."""
        before = self.read(address)
        self._written.pop(address, None)
        self._written[address] = value & mask | before & ~mask
        if len(self._written) > WRITTEN_MOST:
            del self._written[next(iter(self._written))]
        self._act(address, before)

    def set_baud(self, baud: int) -> None:
        """What the UART divides the crystal by."""
        self._written[UART_DIVIDER] = CRYSTAL // baud

    def _act(self, address: int, before: int) -> None:
        config, lock = self._chip.watchdog
        if address == SPI_COMMAND and self._written[address] & SPI_GO:
            self._spi()
        elif address == lock and before == WATCHDOG_KEY:
            self.watchdog_bites = bool(self.read(config) & WATCHDOG_ON)

    def _spi(self) -> None:
        """One command to the flash chip, done at once; those that only change its state do nothing."""
        opcode = self.read(SPI_USER2) & 0xFF
        if opcode == READ_ID:
            self._written[SPI_DATA] = self._flash.jedec_id
        elif opcode == READ_SFDP:
            at = self.read(SPI_ADDRESS)
            self._written[SPI_DATA] = int.from_bytes(SFDP[at : at + 4], "little")
        self._written[SPI_COMMAND] = 0
