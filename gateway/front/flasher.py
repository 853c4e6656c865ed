"""The page that flashes: its files, and releases as ESP Web Tools want them; `routes.flash` and `site` serve it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.front.releases import Release

WEB = Path(__file__).parents[1] / "web"
PAGE = WEB / "flash.html"
TOOLS = Path(__file__).parents[2] / "build" / "flasher" / "package" / "dist" / "web"
"""Where `make flasher` puts ESP Web Tools."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
"""ESP Web Tools style their dialog in line."""
_IMPROV_SECONDS = 20
"""To wait for a board to boot and speak Improv after it was flashed."""


def manifest(release: Release) -> dict[str, Any]:
    """A release as ESP Web Tools want it (https://esphome.github.io/esp-web-tools/, Manifest).

    Its files are named as seen from `flash/manifest/BOARD/VERSION`, so that the site may lie below anything.
    """
    files = f"../../../api/firmware/{release.board}/{release.version}"
    parts = [{"path": f"{files}/{image.path}", "offset": image.offset} for image in release.files]
    return {
        "name": f"voicegw for {release.board}",
        "version": release.version,
        "new_install_prompt_erase": True,
        "new_install_improv_wait_time": _IMPROV_SECONDS,
        "builds": [{"chipFamily": _family(release.chip), "parts": parts}],
    }


def _family(chip: str) -> str:
    """`esp32c3` as ESP Web Tools write it: `ESP32-C3`."""
    kind = chip.removeprefix("esp32").upper()
    return f"ESP32-{kind}" if kind else "ESP32"
