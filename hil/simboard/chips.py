"""The facts of the chips: what the ROM says, where registers lie, what the eFuses hold.

Addresses are those of ESP-IDF 5.5 (components/soc/*/register/soc) and of esptool 5 (targets/). What the ROM prints is
as seen in logs of real boards, which users post with their issues.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import Enum

BAUD = 115200
"""At which the ROM, the bootloader and the firmware print."""


class Reset(Enum):
    """Why a chip starts: the ROM's number and name (esp_rom, `RESET_REASON`), and what the firmware calls it."""

    POWER_ON = (0x1, "POWERON", "power_on")
    SOFTWARE = (0x3, "RTC_SW_SYS_RST", "software")
    WATCHDOG = (0x7, "TG0WDT_SYS_RST", "watchdog")
    RESTART = (0xC, "RTC_SW_CPU_RST", "software")
    PANIC = (0xC, "RTC_SW_CPU_RST", "panic")
    BROWN_OUT = (0xF, "RTCWDT_BROWN_OUT_RST", "brownout")
    USB = (0x15, "USB_UART_CHIP_RESET", "button")
    RTC_WATCHDOG = (0x10, "RTCWDT_RTC_RST", "watchdog")


@dataclass(frozen=True, slots=True)
class Chip:
    """One kind of chip."""

    name: str
    id: int
    """In image headers and in the security info."""
    magic: int
    """What its ROM holds at 0x40001000."""
    rom: str
    """The first two lines of its ROM."""
    strap_flash: int
    strap_download: int
    download: str
    ets_main: int
    """The line of ets_main.c that a failed boot is reported from."""
    saved_pc: int
    revision: tuple[int, int]
    features: tuple[int, int, int]
    """Words 3 to 5 of eFuse block 1, but for the revision."""
    efuse: int
    """Base of the eFuse controller."""
    watchdog: tuple[int, int]
    """RTC watchdog: its first configuration register, and the one that unlocks it."""
    ram: tuple[tuple[int, int], ...]
    """Where a program may be loaded."""
    mapped: tuple[tuple[int, int], ...]
    """Where flash is mapped: data, code."""
    cores: int
    bootloader: int = 0

    def in_ram(self, address: int, length: int) -> bool:
        """Whether all of it can be loaded into."""
        return any(low <= address and address + length <= high for low, high in self.ram)

    def is_mapped(self, address: int) -> bool:
        """Whether the address shows flash by way of the cache."""
        return any(low <= address < high for low, high in self.mapped)

    def efuses(self, mac: bytes) -> dict[int, int]:
        """The registers of eFuse block 1: MAC, revision, package and what it embeds."""
        low, high = struct.unpack(">IH", mac[2:] + mac[:2])
        major, minor = self.revision
        word3, word4, word5 = self.features
        words = {
            0: low,
            1: high,
            3: word3 | (minor & 7) << 18,
            4: word4,
            5: word5 | (minor >> 3) << 23 | major << 24,
        }
        return {self.efuse + 0x44 + 4 * n: word for n, word in words.items()}

    def banner(self, reset: Reset, strap: int, mode: str) -> str:
        """What the ROM prints first."""
        number, name, _ = reset.value
        saved = "" if reset is Reset.POWER_ON else f"Saved PC:{self.saved_pc:#010x}\n"
        return f"{self.rom}rst:{number:#x} ({name}),boot:{strap:#x} ({mode})\n{saved}"


ESP32C3 = Chip(
    name="esp32c3",
    id=5,
    magic=0x1B31506F,
    rom="ESP-ROM:esp32c3-api1-20210207\nBuild:Feb  7 2021\n",
    strap_flash=0xC,
    strap_download=0x4,
    download="DOWNLOAD(USB/UART0/1)",
    ets_main=333,
    saved_pc=0x40047ED2,
    revision=(0, 4),
    features=(0, 0, 0),
    efuse=0x60008800,
    watchdog=(0x60008090, 0x600080A8),
    ram=((0x3FC80000, 0x3FCE0000), (0x4037C000, 0x403E0000), (0x50000000, 0x50002000)),
    mapped=((0x3C000000, 0x3C800000), (0x42000000, 0x42800000)),
    cores=1,
)

ESP32S3 = Chip(
    name="esp32s3",
    id=9,
    magic=0x9,
    rom="ESP-ROM:esp32s3-20210327\nBuild:Mar 27 2021\n",
    strap_flash=0x8,
    strap_download=0x0,
    download="DOWNLOAD(USB/UART0)",
    ets_main=329,
    saved_pc=0x40043AC8,
    revision=(0, 2),
    features=(0, 1 << 3 | 1 << 7, 0),  # 8 MB of PSRAM by AP
    efuse=0x60007000,
    watchdog=(0x60008098, 0x600080B0),
    ram=(
        (0x3FC88000, 0x3FD00000),
        (0x40370000, 0x403E0000),
        (0x50000000, 0x50002000),
        (0x600FE000, 0x60100000),
    ),
    mapped=((0x3C000000, 0x3E000000), (0x42000000, 0x44000000)),
    cores=2,
)

CHIPS = {chip.name: chip for chip in (ESP32C3, ESP32S3)}


def made_up_mac(seed: str) -> bytes:
    """Six bytes with a prefix of Espressif's, the same for the same seed."""
    return bytes.fromhex("348518") + hashlib.sha256(seed.encode()).digest()[:3]
