"""Firmware releases over HTTP: for devices that update themselves, and for the page that flashes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from gateway.front.releases import Release
from gateway.front.routes.common import TheGateway, TheOperator, caller_of, responses

router = APIRouter(prefix="/api", tags=["firmware"])


class Update(BaseModel):
    """Which release a device is to take; without a version the newest for its board.

    `older` has it taken though it be older than what the device runs.
    """

    version: Annotated[str, Field(max_length=63)] | None = None
    older: bool = False


class Wanted(Update):
    """Firmware for these devices, or for all that are in a call and run something else."""

    devices: (
        Annotated[list[Annotated[str, Field(max_length=63)]], Field(min_length=1, max_length=256)] | None
    ) = None


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
    wanted = body or Update()
    return await gateway.update(name, wanted.version, older=wanted.older)


@router.post("/rollout", status_code=202, responses=responses(401, 403, 404, 409, 413, 422, 503))
async def roll_out(body: Wanted, gateway: TheGateway, operator: TheOperator) -> dict[str, Any]:
    """Update devices: one first, then the rest, until one goes back; how far it is comes as `rollout` events."""
    del operator
    rollout = await gateway.roll_out(body.devices, body.version, older=body.older)
    return rollout.describe()


@router.delete("/rollout", status_code=204, responses=responses(401, 403))
async def stop(gateway: TheGateway, operator: TheOperator) -> None:
    """Tell no more devices."""
    del operator
    await gateway.rollouts.stop()
