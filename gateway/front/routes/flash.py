"""The web flasher at `/flash`: our page, ESP Web Tools if `make flasher` brought them, and manifests in their form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse

from gateway.errors import NotFound
from gateway.front.routes.common import TheGateway, TheOperator, responses

router = APIRouter(prefix="/flash", tags=["firmware"])

_PAGE = Path(__file__).parents[2] / "web" / "flash.html"
_TOOLS = Path(__file__).parents[3] / "build" / "flasher" / "package" / "dist" / "web"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""ESP Web Tools style their dialog in line."""
_IMPROV_SECONDS = 20
"""To wait for a board to boot and speak Improv after it was flashed."""


@router.get("", include_in_schema=False)
def page() -> FileResponse:
    """The page."""
    return FileResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/tools/{name}", include_in_schema=False)
def tool(name: str) -> FileResponse:
    """One of ESP Web Tools' modules."""
    path = _TOOLS / name
    if path.parent != _TOOLS or path.suffix != ".js" or not path.is_file():
        raise NotFound(
            "ESP Web Tools are not here", remedy="in a checkout of voicegw, run: make flasher, then make run"
        )
    return FileResponse(path, media_type="text/javascript")


@router.get("/manifest/{board}/{version}", responses=responses(401, 403, 404, 422))
def manifest(board: str, version: str, gateway: TheGateway, operator: TheOperator) -> dict[str, Any]:
    """A release as ESP Web Tools want it (https://esphome.github.io/esp-web-tools/, Manifest)."""
    del operator
    release = gateway.releases.find(board, version)
    parts = [
        {"path": f"/api/firmware/{board}/{version}/{image.path}", "offset": image.offset}
        for image in release.files
    ]
    return {
        "name": f"voicegw for {board}",
        "version": release.version,
        "new_install_prompt_erase": True,
        "new_install_improv_wait_time": _IMPROV_SECONDS,
        "builds": [{"chipFamily": _family(release.chip), "parts": parts}],
    }


def _family(chip: str) -> str:
    """`esp32c3` as ESP Web Tools write it: `ESP32-C3`."""
    kind = chip.removeprefix("esp32").upper()
    return f"ESP32-{kind}" if kind else "ESP32"
