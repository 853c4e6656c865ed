"""What every route needs: the running gateway, who is asking, and errors as problem+json (RFC 9457)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from gateway.errors import Busy, GatewayError, RateLimited
from gateway.front import challenge
from gateway.front.access import Caller, identify, prove
from gateway.front.running import Gateway


class Problem(BaseModel):
    """An RFC 9457 problem; `code` is stable, `remedy` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str


_INTERNAL = "something went wrong inside the gateway; its log says what"


def problem(error: GatewayError) -> Response:
    """An error of ours as a response."""
    body = Problem(
        type=f"urn:voicegw:error:{error.code}",
        title=error.code.replace("_", " "),
        status=error.status,
        # A candidate that is quoted may hold what UTF-8 cannot; an unforeseen error what is no client's business.
        detail=_INTERNAL if error.code == "internal" else error.message.encode(errors="replace").decode(),
        code=error.code,
        remedy=error.remedy,
    )
    headers = {"Retry-After": "2"} if isinstance(error, RateLimited | Busy) else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        body.model_dump(), error.status, headers=headers, media_type="application/problem+json"
    )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of a route, for its OpenAPI description."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"description": "problem", "content": content} for status in statuses}


def gateway_of(request: Request) -> Gateway:
    """The gateway that this app serves."""
    gateway: Gateway = request.app.state.gateway
    return gateway


async def caller_of(request: Request) -> Caller:
    """Who is asking; see `access.identify` and `access.prove`."""
    gateway = gateway_of(request)
    if offered := challenge.read(request.headers.get("authorization", ""), await _sdp(request)):
        identities = gateway.certificates.pins(secure=request.url.scheme == "https")
        remote = remote_address(request)
        return await prove(
            gateway.registry, gateway.challenges, offered, remote=remote, identities=identities
        )
    return await identify(
        gateway.registry,
        remote=remote_address(request),
        authorization=request.headers.get("authorization"),
        lan_is_open=gateway.settings.open,
        forwarded="forwarded" in request.headers or "x-forwarded-for" in request.headers,
    )


async def _sdp(request: Request) -> str:
    """The description that a proof is of; nothing where there is none."""
    if not request.headers.get("authorization", "").lower().startswith("voicegw "):
        return ""
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        return ""
    sdp = body.get("sdp") if isinstance(body, dict) else None
    return sdp if isinstance(sdp, str) else ""


async def operator_of(request: Request) -> Caller:
    """The caller, who must be an operator."""
    caller = await caller_of(request)
    caller.must_be_operator()
    return caller


def remote_address(request: Request) -> str:
    """The other end of the connection."""
    return request.client.host if request.client is not None else "0.0.0.0"


def arrived_on(request: Request) -> str:
    """This end of the connection: the socket's own address."""
    server = request.scope.get("server")
    return str(server[0]) if server else "0.0.0.0"


TheGateway = Annotated[Gateway, Depends(gateway_of)]
TheCaller = Annotated[Caller, Depends(caller_of)]
TheOperator = Annotated[Caller, Depends(operator_of)]
