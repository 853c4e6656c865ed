"""What every route needs: the running gateway, who is asking, and errors as problem+json (RFC 9457)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from gateway.errors import Busy, GatewayError, NoRoute, RateLimited
from gateway.front import challenge
from gateway.front.access import Asked, Caller, identify, prove
from gateway.front.parts import Gateway
from gateway.front.peers import is_own_account
from gateway.wire.route import unmapped


class Problem(BaseModel):
    """An RFC 9457 problem; `code` is stable, `remedy` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str


_FORWARDED = frozenset({"forwarded", "via", "x-real-ip", "x-client-ip", "cf-connecting-ip"})
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
    headers = {}
    if isinstance(error, RateLimited | Busy):
        headers["Retry-After"] = str(error.retry_s if isinstance(error, Busy) else 2)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        body.model_dump(), error.status, headers=headers, media_type="application/problem+json"
    )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of a route, for its OpenAPI description."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"description": "problem", "content": content} for status in statuses}


def gateway_of(request: HTTPConnection) -> Gateway:
    """The gateway that this app serves."""
    gateway: Gateway = request.app.state.gateway
    return gateway


async def caller_of(request: Request) -> Caller:
    """Who is asking; see `access.identify` and `access.prove`."""
    gateway, headers = gateway_of(request), request.headers
    remote = remote_address(request)
    if offered := challenge.read(headers.get("authorization", ""), await _sdp(request)):
        identities = gateway.certificates.pins(secure=scheme(request) == "https")
        caller = await prove(
            gateway.registry,
            gateway.operators,
            gateway.challenges,
            offered,
            remote=remote,
            identities=identities,
        )
        await gateway.old_firmware.outgrown(caller.key_id)
        return caller
    asked = Asked(
        remote,
        headers.get("authorization"),
        request.cookies.get(cookie_of(gateway)),
        is_own=_is_own(request),
    )
    return await identify(gateway.registry, gateway.operators, asked, lan_is_open=gateway.settings.open)


def cookie_of(gateway: Gateway) -> str:
    """The name of what a browser keeps: one on this machine keeps all its gateways' together, whatever their ports."""
    return f"voicegw-{gateway.instance_id}"


def _is_own(request: Request) -> bool:
    """Whether a program of our own account on this machine asks, and no proxy that says it is one."""
    client, server = request.client, request.scope.get("server")
    if "authorization" in request.headers or is_forwarded(request):
        return False
    if client is None or not server or not server[1] or not unmapped(client.host).is_loopback:
        return False
    return is_own_account(client.port, int(server[1]))


def is_forwarded(request: Request) -> bool:
    """Whether a proxy says that it asks for someone else."""
    return any(name in _FORWARDED or name.startswith("x-forwarded-") for name in request.headers)


async def _sdp(request: Request) -> str:
    """The description that a proof is of; nothing where there is none."""
    proves = request.headers.get("authorization", "").lower().startswith("voicegw ")
    if not proves or not request.url.path.endswith("/api/offer"):
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


def remote_address(request: HTTPConnection) -> str:
    """The client's address: the other end of the connection, or whom a proxy that we trust has it from."""
    socket = request.client.host if request.client is not None else "0.0.0.0"
    trusted = gateway_of(request).proxies
    for said in reversed(_said(request, "x-forwarded-for")):
        if not trusted.includes(socket):
            break
        try:
            socket = str(unmapped(said))
        except NoRoute:
            break
    return socket


def scheme(request: HTTPConnection) -> str:
    """What the client speaks: with us, or with a proxy that we trust."""
    said = _said(request, "x-forwarded-proto")
    if request.client is not None and said and gateway_of(request).proxies.includes(request.client.host):
        return "https" if said[-1].lower() == "https" else "http"
    return request.url.scheme


def _said(request: HTTPConnection, name: str) -> list[str]:
    return [part.strip() for value in request.headers.getlist(name) for part in value.split(",")]


def arrived_on(request: Request) -> str:
    """This end of the connection: the socket's own address."""
    server = request.scope.get("server")
    return str(server[0]) if server else "0.0.0.0"


TheGateway = Annotated[Gateway, Depends(gateway_of)]
TheCaller = Annotated[Caller, Depends(caller_of)]
TheOperator = Annotated[Caller, Depends(operator_of)]
