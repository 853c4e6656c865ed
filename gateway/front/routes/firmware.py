"""Firmware releases over HTTP: for devices that update themselves, and for the page that flashes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from gateway.front.releases import Release
from gateway.front.routes.common import TheGateway, TheOperator, caller_of, responses

router = APIRouter(prefix="/api", tags=["firmware"])


class Update(BaseModel):
    """Which release a device is to take; without a version the newest for its board."""

    version: Annotated[str, Field(max_length=63)] | None = None


@router.get("/firmware", responses=responses(401, 403))
def releases(gateway: TheGateway, operator: TheOperator) -> list[Release]:
    """The releases that the gateway has, newest first."""
    del operator
    return gateway.releases.all()


async def _may_have_it(request: Request, gateway: TheGateway, ticket: str = "") -> None:
    """Whoever may call, and whoever was told of it: a device's key stays where it is."""
    if not gateway.challenges.is_ticket(request.url.path, ticket):
        await caller_of(request)


@router.get(
    "/firmware/{board}/{version}/{path}",
    responses=responses(401, 403, 404, 422),
    response_class=FileResponse,
    dependencies=[Depends(_may_have_it)],
)
def image(board: str, version: str, path: str, gateway: TheGateway) -> FileResponse:
    """One file of a release."""
    return FileResponse(gateway.releases.file(board, version, path), media_type="application/octet-stream")


@router.post("/devices/{name}/update", status_code=202, responses=responses(401, 403, 404, 409, 422))
async def update(
    name: str, gateway: TheGateway, operator: TheOperator, body: Update | None = None
) -> Release:
    """Tell a device that is in a call to update itself; how it fares comes as `report` events."""
    del operator
    return await gateway.update(name, body.version if body is not None else None)
