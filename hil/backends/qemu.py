"""ESP-IDF's emulator, started by pytest-embedded: `--app-path firmware --build-dir build`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hil.backends import Backend, Reached
from hil.errors import Unusable

PROGRAM = "qemu-system-riscv32"
NETWORK = "-nic user,model=open_eth"  # no multicast passes it, and the host is 10.0.2.2


class Qemu(Backend):
    """The board `qemu`: an ESP32-C3 with Ethernet and synthetic audio."""

    kind = "qemu"
    services = "idf,qemu"
    capabilities = frozenset({"ota"})
    reached = Reached("127.0.0.1", "10.0.2.2")

    def __init__(self) -> None:
        if shutil.which(PROGRAM) is None:
            raise Unusable(
                f"{PROGRAM} is not on PATH; install it with: idf_tools.py install qemu-riscv32, and run export.sh"
            )

    def open(self, folder: Path) -> None:
        """Started by pytest-embedded."""
        del folder

    def reset(self, dut: Any) -> None:
        """By the emulator's monitor."""
        dut.hard_reset()
