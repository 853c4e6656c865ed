"""How a boot can end, and what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass

from hil.simboard.chips import Reset
from hil.simboard.image import Application
from hil.simboard.partitions import DATA, NVS, Partition

WATCHDOG_SECONDS = 0.3
RESTART_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Started:
    """An application runs."""

    slot: int
    """0 or 1; -1 is the factory application."""
    partition: Partition
    table: tuple[Partition, ...]
    application: Application
    payload: bytes
    """Its first segment, after the description."""

    @property
    def nvs(self) -> Partition | None:
        """Where its settings are."""
        return next((p for p in self.table if (p.type, p.subtype) == (DATA, NVS)), None)


@dataclass(frozen=True, slots=True)
class Stopped:
    """It goes no further, and is reset."""

    reset: Reset
    seconds: float


@dataclass(frozen=True, slots=True)
class Write:
    """A sector that the bootloader writes, all of it given up to the end of `data`."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Boot:
    """What it prints, what it writes down, and how it ends."""

    text: str
    writes: tuple[Write, ...]
    end: Started | Stopped


class Halt(Exception):
    """The chip stops here; what is still to be said, and why it is reset."""

    def __init__(self, text: str, reset: Reset = Reset.WATCHDOG) -> None:
        super().__init__(text)
        self.text = text
        self.reset = reset
