"""The web flasher at `/flash`: our page, ESP Web Tools if `make flasher` brought them, and manifests in their form."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse

from gateway.errors import NotFound
from gateway.front import flasher
from gateway.front.routes.common import TheGateway, TheOperator, responses

router = APIRouter(prefix="/flash", tags=["firmware"])

_POLICY = f"{flasher.POLICY}; frame-ancestors 'none'"


@router.head("", include_in_schema=False)
@router.get("", include_in_schema=False)
def page() -> FileResponse:
    """The page."""
    return FileResponse(flasher.PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/tools/{name}", include_in_schema=False)
def tool(name: str) -> FileResponse:
    """One of ESP Web Tools' modules."""
    path = flasher.TOOLS / name
    if path.parent != flasher.TOOLS or path.suffix != ".js" or not path.is_file():
        raise NotFound(
            "ESP Web Tools are not here", remedy="in a checkout of voicegw, run: make flasher, then make run"
        )
    return FileResponse(path, media_type="text/javascript")


@router.get("/manifest/{board}/{version}", responses=responses(401, 403, 404, 422))
def manifest(board: str, version: str, gateway: TheGateway, operator: TheOperator) -> dict[str, Any]:
    """A release as ESP Web Tools want it."""
    del operator
    return flasher.manifest(gateway.releases.find(board, version))
