"""The registry over HTTP, for operators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError

from gateway.errors import BadRequest
from gateway.front.registry import Role
from gateway.front.routes.common import TheGateway, TheOperator, responses
from gateway.wire.promises import KEEP_SECONDS, MAX_SPOKEN, Sound, Wish

router = APIRouter(prefix="/api/devices", tags=["devices"])


class NewDevice(BaseModel):
    """A device to enrol."""

    name: Annotated[str, Field(max_length=63)]
    role: Role = Role.DEVICE


class Command(BaseModel):
    """A command to a device in a call (docs/protocol.md, data channel)."""

    command: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
    value: int | bool | Annotated[str, Field(max_length=256)] | dict[str, int] | None = None


class Say(BaseModel):
    """What a device is to say, or to play: a `text`, a `sound`, or both."""

    text: Annotated[str, Field(max_length=MAX_SPOKEN)] = ""
    sound: Sound | None = None
    volume: Annotated[int, Field(ge=1, le=100)] | None = None
    keep_s: Annotated[float, Field(ge=0, le=KEEP_SECONDS)] = KEEP_SECONDS


class Arguments(BaseModel):
    """Those of a tool."""

    arguments: dict[str, Any] = {}


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


@router.post("/{name}/say", status_code=202, responses=responses(401, 403, 404, 413, 422, 503))
async def say(name: str, body: Say, gateway: TheGateway, operator: TheOperator) -> dict[str, Any]:
    """Have a device say something before all else, now or when it is back."""
    del operator
    return await gateway.tools.say(name, _wish(kind="say", **body.model_dump()))


@router.get("/{name}/promises", responses=responses(401, 403, 422))
async def promises(name: str, gateway: TheGateway, operator: TheOperator) -> list[dict[str, Any]]:
    """A device's timers, alarms, reminders and announcements, the next first."""
    del operator
    return gateway.promises.of(name)


@router.post("/{name}/promises", status_code=201, responses=responses(401, 403, 404, 413, 422, 503))
async def promise(name: str, body: Wish, gateway: TheGateway, operator: TheOperator) -> dict[str, Any]:
    """Set one."""
    del operator
    return await gateway.tools.say(name, body)


@router.delete("/{name}/promises/{number}", status_code=204, responses=responses(401, 403, 404, 422, 503))
async def cancel(name: str, number: int, gateway: TheGateway, operator: TheOperator) -> None:
    """Take one back, and stop it if it rings."""
    del operator
    await gateway.promises.cancel(name, number)


@router.post("/{name}/quiet", responses=responses(401, 403, 422))
async def quiet(name: str, gateway: TheGateway, operator: TheOperator) -> dict[str, int]:
    """Stop what rings or is said on a device."""
    del operator
    return {"stopped": await gateway.promises.quiet(name)}


@router.post("/{name}/listen", status_code=202, responses=responses(401, 403, 404, 422, 503))
async def listen(name: str, gateway: TheGateway, operator: TheOperator) -> None:
    """Have a device listen that waits for its word or its button."""
    del operator
    await gateway.switchboard.wake(name)


@router.get("/{name}/tools", responses=responses(401, 403, 422))
async def tools(name: str, gateway: TheGateway, operator: TheOperator) -> list[dict[str, Any]]:
    """What a device can do, with the schemas of the arguments."""
    del operator
    return [tool.view() for tool in gateway.tools.of(name)]


@router.post("/{name}/tools/{tool}", responses=responses(401, 403, 404, 413, 422, 502, 503))
async def use(name: str, tool: str, body: Arguments, gateway: TheGateway, operator: TheOperator) -> Any:
    """Have a device do one of these; answers with what came of it."""
    del operator
    await gateway.tools.must_know(name)
    return await gateway.tools.run(name, tool, body.arguments)


def _wish(**values: Any) -> Wish:
    try:
        return Wish(**values)
    except ValidationError as error:
        raise BadRequest(error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")) from None
