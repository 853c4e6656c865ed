"""Espressif's emulator, started by pytest-embedded on the flash of a release for the board `qemu` or `qemu-s3`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any, Final

from hil.backends import Backend, Reached
from hil.backends.follow import Follower
from hil.backends.reissue import reissue
from hil.errors import Unusable
from hil.options import EMULATORS, released
from tools.esp.nvs import settings_image

_NOWHERE: Final = "http://10.0.2.2:9"  # until a test says where; no multicast passes its network
_EXTRA: Final = (  # the watchdog as `idf.py qemu` has it
    "-nic user,model=open_eth -global driver=timer.{chip}.timg,property=wdt_disable,value=true "
    "-drive file={efuse},if=none,format=raw,id=efuse -global driver=nvram.{chip}.efuse,property=drive,value=efuse"
)


class Qemu(Backend):
    """An ESP32 of the release's kind with Ethernet and synthetic audio, new for each test.

    Args:
        option: of the run: `--release`, and pytest-embedded's own, which get defaults that suit.
    """

    kind = "qemu"
    services = "qemu"
    capabilities = frozenset({"audio_out", "ota"})
    reached = Reached("127.0.0.1", "10.0.2.2")  # the host, as its own network knows it

    def __init__(self, option: Namespace) -> None:
        self._release: Path = option.release
        self._work: Path = option.run
        self.board, self._chip = (about := released(option.release)).board, about.chip
        option.qemu_prog_path = option.qemu_prog_path or EMULATORS[self._chip]
        option.qemu_cli_args = option.qemu_cli_args or f"-nographic -machine {self._chip}"

    def open(self, folder: Path) -> None:
        """Lay out its flash and its fuses; pytest-embedded starts it."""
        from pytest_embedded_qemu.qemu import QEMU_TARGETS  # noqa: PLC0415 -- only where the emulator is used
        from pytest_embedded_qemu.qemu import Qemu as Emulator  # noqa: PLC0415

        Emulator.REDIRECT_CLS = Follower
        self.image, efuse = folder / "flash.bin", folder / "efuse.bin"
        self.image.write_bytes(flash_of(self._release))
        efuse.write_bytes(QEMU_TARGETS[self._chip].default_efuse)
        self.extra = _EXTRA.format(efuse=efuse, chip=self._chip)

    def release(self, version: str, fault: str = "") -> Path:
        """The firmware that it runs, as another version; none can be made to fail."""
        if fault:
            return super().release(version, fault)
        folder = self._work / f"release-{version}"
        return folder if folder.exists() else reissue(self._release, version, folder)

    def reset(self, dut: Any) -> None:
        """By the emulator's monitor."""
        dut.hard_reset()


def flash_of(release: Path) -> bytes:
    """The whole flash of a board with this release, which calls nobody yet.

    Raises:
        Unusable: it is no release.
    """
    about = released(release)
    flash = bytearray(b"\xff" * about.flash_size)
    try:
        parts = [(part.region.offset, (release / part.path).read_bytes()) for part in about.parts]
    except OSError as error:
        raise Unusable(
            f"{release} is no release: {error}; write one with firmware/tools/release.py"
        ) from None
    for offset, content in [
        *parts,
        (about.nvs.offset, settings_image({"gateway": _NOWHERE}, about.nvs.size)),
    ]:
        flash[offset : offset + len(content)] = content
    return bytes(flash)
