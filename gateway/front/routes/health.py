"""Is it well, and how does it do."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from gateway.errors import Busy
from gateway.front.routes.common import TheGateway, TheOperator, responses

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)  # by which those who watch over servers ask
@router.get("/healthz", responses=responses(503))
async def healthz(gateway: TheGateway) -> dict[str, Any]:
    """Whether calls can be taken."""
    workers = gateway.workers.state()
    if (workers or gateway.settings.nats is not None) and not any(w["ready"] for w in workers):
        raise Busy("no worker is ready", remedy="try again in a few seconds; see the gateway's log")
    return {"status": "ok", "sessions": gateway.workers.count, "workers": workers}


@router.get("/metrics", responses=responses(401, 403), response_class=Response)
async def metrics(gateway: TheGateway, operator: TheOperator) -> Response:
    """Figures for Prometheus."""
    del operator
    return Response(
        gateway.telemetry.metrics(gateway.workers.state()),
        media_type="text/plain; version=0.0.4; charset=utf-8",
    )
