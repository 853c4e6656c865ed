"""The registry over HTTP, for operators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.front.registry import Role
from gateway.front.routes.common import TheGateway, TheOperator, responses

router = APIRouter(prefix="/api/devices", tags=["devices"])


class NewDevice(BaseModel):
    """A device to enrol."""

    name: Annotated[str, Field(max_length=63)]
    role: Role = Role.DEVICE


class Command(BaseModel):
    """A command to a device in a call (docs/protocol.md, data channel)."""

    command: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
    value: int | bool | Annotated[str, Field(max_length=256)] | dict[str, int] | None = None


class Enrolled(BaseModel):
    """A device and its key, which is told once."""

    id: str
    name: str
    role: Role
    key: str


@router.get("", responses=responses(401, 403))
async def devices(gateway: TheGateway, operator: TheOperator) -> list[dict[str, Any]]:
    """Known devices, and those that mDNS sees."""
    del operator
    return await gateway.describe_devices()


@router.post("", status_code=201, responses=responses(401, 403, 409, 413, 422, 503))
async def enrol(body: NewDevice, gateway: TheGateway, operator: TheOperator) -> Enrolled:
    """Enrol a device."""
    del operator
    device, key = await gateway.registry.add(body.name, body.role)
    return Enrolled(id=device.id, name=device.name, role=device.role, key=key)


@router.delete("/{name}", status_code=204, responses=responses(401, 403, 404, 422, 503))
async def revoke(name: str, gateway: TheGateway, operator: TheOperator) -> None:
    """Revoke a device's key and end its calls."""
    del operator
    await gateway.registry.revoke(name)
    await gateway.switchboard.end_revoked()


@router.post("/{name}/command", status_code=202, responses=responses(401, 403, 404, 413, 422, 503))
async def command(name: str, body: Command, gateway: TheGateway, operator: TheOperator) -> None:
    """Send a command to a device that is in a call; its answer comes as a `report` event."""
    del operator
    await gateway.switchboard.command(name, body.command, body.value)
