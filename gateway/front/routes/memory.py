"""What is remembered of a device or its person, for operators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.front.routes.common import TheGateway, TheOperator, responses

router = APIRouter(prefix="/api/devices", tags=["memory"])


class Preference(BaseModel):
    """One of those in docs/tools-for-models.md; nothing forgets it."""

    value: Annotated[str, Field(max_length=1_000)] = ""


@router.get("/{name}/history", responses=responses(401, 403, 404, 422, 503))
async def history(name: str, gateway: TheGateway, operator: TheOperator) -> dict[str, Any]:
    """What was asked and answered, the oldest first, with the summary of what came before."""
    del operator
    await gateway.tools.must_know(name)
    return await gateway.memory.describe(name)


@router.delete("/{name}/history", status_code=204, responses=responses(401, 403, 404, 422, 503))
async def clear(name: str, gateway: TheGateway, operator: TheOperator) -> None:
    """Forget it."""
    del operator
    await gateway.tools.must_know(name)
    await gateway.memory.clear(name)


@router.get("/{name}/preferences", responses=responses(401, 403, 404, 422, 503))
async def preferences(name: str, gateway: TheGateway, operator: TheOperator) -> dict[str, str]:
    """What its people prefer."""
    del operator
    await gateway.tools.must_know(name)
    return await gateway.memory.preferences(name)


@router.put("/{name}/preferences/{preference}", responses=responses(401, 403, 404, 413, 422, 503))
async def prefer(
    name: str, preference: str, body: Preference, gateway: TheGateway, operator: TheOperator
) -> dict[str, str]:
    """Keep one; all of them."""
    del operator
    await gateway.tools.must_know(name)
    return await gateway.memory.prefer(name, preference, body.value)
