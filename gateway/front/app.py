"""The FastAPI app: wires routes, guards and pages; holds no logic."""

from __future__ import annotations

from pathlib import Path

import pipecat_ai_prebuilt
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from gateway import __version__
from gateway.errors import BadRequest, GatewayError, NotFound
from gateway.front.parts import Gateway
from gateway.front.routes import (
    devices,
    firmware,
    flash,
    guard,
    health,
    identity,
    memory,
    offer,
    operator,
    phone,
    state,
    uploads,
)
from gateway.front.routes.body_limit import BodyLimit
from gateway.front.routes.common import problem
from gateway.front.uploads import MAX_BYTES

_WEB = Path(__file__).parents[1] / "web"
_PREBUILT = Path(pipecat_ai_prebuilt.__file__).parent / "client" / "dist"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def create_app(gateway: Gateway) -> FastAPI:
    """Make the app that serves a running gateway."""
    app = FastAPI(
        title="voicegw", version=__version__, docs_url=None, redoc_url=None, strict_content_type=False
    )
    app.state.gateway = gateway
    for module in (offer, uploads, state, devices, memory, firmware, flash, health, identity, operator):
        app.include_router(module.router)
    app.include_router(offer.starting)
    if gateway.phone is not None:
        app.include_router(phone.router)
    _add_pages(app)
    files = MAX_BYTES if gateway.uploads is not None else 0
    app.add_middleware(BodyLimit, limit=gateway.settings.limits.body_bytes, files=files)
    _add_guards(app)  # around all else: a page of another origin is to be told of a 413 as well
    return app


def _add_pages(app: FastAPI) -> None:
    @app.head("/", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(_WEB / "index.html", headers={"Content-Security-Policy": _POLICY})

    @app.get("/client/assets/daily-esm-{build}.js", include_in_schema=False)
    async def devices_without_daily(build: str) -> FileResponse:
        """What Pipecat's page opens the microphone with; the original fetches code from c.daily.co."""
        del build
        return FileResponse(_WEB / "pipecat" / "daily.js")

    app.mount("/web", StaticFiles(directory=_WEB))
    app.mount("/client", StaticFiles(directory=_PREBUILT, html=True))


def _add_guards(app: FastAPI) -> None:
    app.middleware("http")(guard.guard)

    @app.exception_handler(GatewayError)
    async def ours(_request: Request, error: GatewayError) -> Response:
        return problem(error)

    @app.exception_handler(Exception)
    async def unforeseen(_request: Request, error: Exception) -> Response:
        return problem(GatewayError(repr(error), remedy="see the gateway's log"))  # uvicorn logs the trace

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        kind = request.headers.get("content-type", "application/json")
        remedy = "see /openapi.json" if "json" in kind else "send it as Content-Type: application/json"
        return problem(BadRequest(f"{where}: {first['msg']}", remedy=remedy))

    @app.exception_handler(HTTPException)
    async def plain(_request: Request, error: HTTPException) -> Response:
        failure: GatewayError = (
            NotFound(str(error.detail)) if error.status_code == 404 else BadRequest(str(error.detail))
        )
        if error.status_code != 400:  # a body that is not even text is as malformed as any other
            failure.status = error.status_code
        response = problem(failure)
        for name, value in (error.headers or {}).items():
            response.headers[name] = value
        return response
