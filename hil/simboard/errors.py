"""What can go wrong with a simulated board, each with what to do about it."""

from __future__ import annotations

from ground.trouble import Trouble


class SimboardError(Trouble):
    """Root of the tree. `remedy` says what to do."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)


class BadFlashFile(SimboardError):
    """The flash image cannot be opened, or is not of a size that flash comes in."""


class FlashInUse(SimboardError):
    """Another board has this flash."""


class OutOfFlash(SimboardError):
    """An address beyond the end of the flash, or one that is not aligned as the operation needs."""


class BadDeflate(SimboardError):
    """Compressed data that does not decompress, or to more than was announced."""


class BadProgram(SimboardError):
    """A program for RAM that does not fit it, or comes in the wrong order."""


class BadFault(SimboardError):
    """A fault that is not known, or is written wrongly."""


class NoFirmware(SimboardError):
    """The Linux build of the firmware is not there."""


class BadRelease(SimboardError):
    """A demo release that cannot be made as asked."""


class BadCommand(SimboardError):
    """A line on the control channel that is no command."""
