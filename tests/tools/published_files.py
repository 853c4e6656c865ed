"""What the release job publishes, made by its own code, of firmware that boots on a simulated board."""

from __future__ import annotations

import zipfile
from pathlib import Path

from hil.simboard.demo import facts, write_release
from tools import build, publish
from tools.releases import own

VERSION = own.version()


def firmware(directory: Path, version: str = VERSION) -> Path:
    """What the firmware jobs leave behind: a release directory for each board, the emulator's among them."""
    for board in build.boards():
        made = write_release(directory / f"firmware-{board}", facts(board), version)
        (made / publish.SBOM).write_text('{"bomFormat": "CycloneDX"}')
    return directory


def install(wheel: Path, directory: Path) -> Path:
    """As an installer of a pure wheel does it."""
    with zipfile.ZipFile(wheel) as files:
        files.extractall(directory)
    return directory
