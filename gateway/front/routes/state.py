"""What the page shows: everything as it is now, and what happens from now on."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from gateway.errors import GatewayError
from gateway.front.access import Caller
from gateway.front.parts import Gateway
from gateway.front.routes.common import TheGateway, TheOperator, responses

router = APIRouter(prefix="/api", tags=["state"])
KEEP_ALIVE_SECONDS = 15.0


@router.get("/state", responses=responses(401, 403))
async def state(gateway: TheGateway, operator: TheOperator) -> dict[str, Any]:
    """Sessions, devices, the last turns and transcripts."""
    del operator
    return await gateway.describe()


@router.get("/events", responses=responses(401, 403), response_class=StreamingResponse)
async def events(gateway: TheGateway, operator: TheOperator) -> StreamingResponse:
    """Server-sent events: `session`, `ended`, `transcript`, `turn`, `device`; until the operator's key is revoked."""
    return StreamingResponse(
        _stream(gateway, operator), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _still_good(gateway: Gateway, operator: Caller) -> bool:
    try:
        return operator.key_id is None or await gateway.registry.holds(operator.key_id)
    except GatewayError:  # not known now: the page asks again
        return False


async def _stream(gateway: Gateway, operator: Caller) -> AsyncIterator[str]:
    yield ": here\n\n"
    iterator = aiter(gateway.telemetry.events())
    pending = asyncio.ensure_future(anext(iterator, None))
    try:
        while True:
            done, _ = await asyncio.wait({pending}, timeout=KEEP_ALIVE_SECONDS)
            if not await _still_good(gateway, operator):
                return
            if not done:
                yield ": keep-alive\n\n"
                continue
            event = pending.result()
            if event is None:
                return
            yield f"event: {event[0]}\ndata: {json.dumps(event[1])}\n\n"
            pending = asyncio.ensure_future(anext(iterator, None))
    finally:
        pending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pending
