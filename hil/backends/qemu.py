"""ESP-IDF's emulator, started by pytest-embedded with what `idf.py build` left in firmware/build."""

from __future__ import annotations

import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any, Final

from hil.backends import Backend, Reached
from hil.errors import Unusable
from hil.gateway import ROOT

PROGRAM: Final = "qemu-system-riscv32"
EXTRA: Final = (  # no multicast passes this network, and the host is 10.0.2.2; the watchdog as `idf.py qemu` has it
    "-nic user,model=open_eth -global driver=timer.esp32c3.timg,property=wdt_disable,value=true"
)


class Qemu(Backend):
    """The board `qemu`: an ESP32-C3 with Ethernet and synthetic audio.

    Args:
        option: pytest-embedded's own, which get defaults that suit this project.
    """

    kind = "qemu"
    services = "idf,qemu"
    capabilities = frozenset({"ota"})
    reached = Reached("127.0.0.1", "10.0.2.2")

    def __init__(self, option: Namespace) -> None:
        option.app_path = option.app_path or str(ROOT / "firmware")
        option.qemu_prog_path = option.qemu_prog_path or PROGRAM
        option.qemu_extra_args = option.qemu_extra_args or EXTRA
        if shutil.which(option.qemu_prog_path) is None:
            raise Unusable(
                f"{PROGRAM} is not on PATH; install it with: idf_tools.py install qemu-riscv32, and run export.sh"
            )

    def open(self, folder: Path) -> None:
        """Started by pytest-embedded."""
        del folder

    def reset(self, dut: Any) -> None:
        """By the emulator's monitor."""
        dut.hard_reset()
