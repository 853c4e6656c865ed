"""How the firmware is started on a simulated board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.simboard.board import PANIC, Start
from hil.simboard.demo import fault_in
from hil.simboard.errors import SimboardError
from hil.simboard.settings import Settings
from tools.errors import NvsError

CRASH = ("sh", "-c", "kill -ABRT $$")
NO_NETWORK = ("--wifi", "")


@dataclass(frozen=True, slots=True)
class Voicesim:
    """The Linux build, told which board it is."""

    program: Path
    store: Path
    flash: Path
    mac: bytes
    settings: Settings
    extra: tuple[str, ...] = ()
    """Options that the user gives it."""

    def command(self, start: Start) -> Sequence[str]:
        """With the settings of its flash in its store. Raises OSError."""
        self.settings.unpack(start.app.nvs)
        fault = fault_in(start.app.payload)
        if fault == "crash":
            return CRASH
        slot = ("--flash", str(self.flash), "--slot", str(max(start.app.slot, 0)), "--reboot-exits")
        identity = (
            "--id",
            self.mac.hex(),
            "--fw",
            start.app.application.version,
            "--reset",
            start.reset.value[2],
        )
        options = ("--console", "-", "--store", str(self.store))
        wrong = NO_NETWORK if fault == "never-live" else ()
        return (str(self.program), *options, *slot, *identity, *self.extra, *wrong)

    async def ended(self, *, crashed: bool) -> None:
        """Its settings go back into the flash; a crash is kept for it, unless one is. Raises SimboardError."""
        report = self.store / "crash"
        if crashed and not report.exists():
            report.write_text(PANIC.splitlines()[0])
        try:
            await self.settings.pack()
        except NvsError as error:
            raise SimboardError(f"its settings could not be kept: {error}", remedy=error.remedy) from None
