"""What the release job publishes, made by its own code, of firmware that boots on a simulated board."""

from __future__ import annotations

import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path

from hil.simboard.chips import CHIPS, ESP32C3
from hil.simboard.demo import LOADS, Facts, facts, write_release
from tools import build, publish
from tools.releases import own

VERSION = own.version()
FACTS = Path(__file__).parents[2] / "firmware" / "components" / "boards"
NOT_SIMULATED = {"esp32c5": (23, 0x2000), "esp32c6": (13, 0)}
"""Number in an image, and where the bootloader lies: ESP-IDF's esp_app_format.h, bootloader/Kconfig.projbuild."""


def _facts(board: str) -> Facts:
    """Of a board whose chip is not simulated, images that look like its own and boot nowhere."""
    given = tomllib.loads((FACTS / f"{board}.toml").read_text())
    if given["chip"] in CHIPS:
        return facts(board)
    number, bootloader = NOT_SIMULATED[given["chip"]]
    chip = replace(ESP32C3, name=given["chip"], id=number, bootloader=bootloader)
    LOADS.setdefault(chip.name, LOADS["esp32c3"])
    flash = given["flash"]
    return Facts(board, chip, flash["size"], flash["mode"], flash["freq"])


def firmware(directory: Path, version: str = VERSION) -> Path:
    """What the firmware jobs leave behind: a release directory for each board, the emulator's among them."""
    for board in build.boards():
        made = write_release(directory / f"firmware-{board}", _facts(board), version)
        (made / publish.SBOM).write_text('{"bomFormat": "CycloneDX"}')
    return directory


def install(wheel: Path, directory: Path) -> Path:
    """As an installer of a pure wheel does it."""
    with zipfile.ZipFile(wheel) as files:
        files.extractall(directory)
    return directory
