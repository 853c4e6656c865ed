"""From DTR and RTS to the chip: what a board's circuit makes of them. Pure; `True` is asserted, low at the pin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hil.simboard.chips import Reset

SETTLE_SECONDS = 0.2
"""How long the capacitor at EN keeps the chip from starting. On a board it is about 10 ms; over RFC 2217 the two lines
change 50 ms apart, which servers that sit at a real board make up for likewise (esptool's esp_rfc2217_server)."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What the chip sees."""

    reset: bool = False
    """EN is low."""
    download: bool = False
    """The pin that selects the loader is low."""
    settle: float = 0.0
    """Seconds until it starts, if these pins stay as they are."""


class Circuit(Protocol):
    """The parts between a serial adapter and a chip."""

    reason: Reset
    """What the chip takes a reset by these for."""

    def change(self, *, dtr: bool, rts: bool) -> Pins:
        """Both lines, as they now are."""


class AutoReset:
    """Two transistors, as on each devkit: EN is low with RTS alone, IO0 with DTR alone."""

    reason = Reset.POWER_ON

    def change(self, *, dtr: bool, rts: bool) -> Pins:
        """While both are asserted EN rises slowly: which mode it is gets decided by what follows."""
        return Pins(
            reset=rts and not dtr, download=dtr and not rts, settle=SETTLE_SECONDS if dtr and rts else 0.0
        )


class UsbJtag:
    """The USB-Serial-JTAG of the chip itself: DTR alone asks for the loader, RTS alone resets, none takes it back."""

    reason = Reset.USB

    def __init__(self) -> None:
        self._download = False

    def change(self, *, dtr: bool, rts: bool) -> Pins:
        """See the table of the technical reference manual, "Reset SoC / enter download mode"."""
        if not rts:
            self._download, held = dtr, self._download
            return Pins(download=held)
        return Pins(reset=not dtr, download=self._download)


class NotWired:
    """A board whose lines go nowhere: it needs a finger on its buttons."""

    reason = Reset.POWER_ON

    def change(self, *, dtr: bool, rts: bool) -> Pins:  # noqa: ARG002 -- that is the point
        """Nothing."""
        return Pins()


CIRCUITS: dict[str, type[Circuit]] = {"auto-reset": AutoReset, "usb-jtag": UsbJtag, "none": NotWired}
