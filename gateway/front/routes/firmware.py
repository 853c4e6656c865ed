"""Firmware releases over HTTP: for devices that update themselves, and for the page that flashes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from gateway.front.releases import Release
from gateway.front.routes.common import TheCaller, TheGateway, TheOperator, responses

router = APIRouter(prefix="/api", tags=["firmware"])


class Update(BaseModel):
    """Which release a device is to take; without a version the newest for its board."""

    version: Annotated[str, Field(max_length=63)] | None = None


@router.get("/firmware", responses=responses(401, 403))
def releases(gateway: TheGateway, operator: TheOperator) -> list[Release]:
    """The releases that the gateway has, newest first."""
    del operator
    return gateway.releases.all()


@router.get(
    "/firmware/{board}/{version}/{path}", responses=responses(401, 403, 404, 422), response_class=FileResponse
)
def image(board: str, version: str, path: str, gateway: TheGateway, caller: TheCaller) -> FileResponse:
    """One file of a release."""
    del caller  # whoever may call may have the firmware
    return FileResponse(gateway.releases.file(board, version, path), media_type="application/octet-stream")


@router.post("/devices/{name}/update", status_code=202, responses=responses(401, 403, 404, 409, 422))
async def update(
    name: str, gateway: TheGateway, operator: TheOperator, body: Update | None = None
) -> Release:
    """Tell a device that is in a call to update itself; how it fares comes as `report` events."""
    del operator
    return await gateway.update(name, body.version if body is not None else None)
