"""What every request passes: is it meant for us, from a page of ours, and over TLS where it should be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from loguru import logger

from gateway.errors import GatewayError, TlsRequired
from gateway.front.access import check_host, check_origin, check_plain
from gateway.front.origins import headers_for
from gateway.front.routes.common import caller_of, gateway_of, problem, remote_address, scheme

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "object-src 'none'; base-uri 'self'; frame-ancestors 'none'",
}
"""Of all answers; our own pages have a policy of their own, Pipecat's page needs what this one leaves."""
_DOORSTEPS: Final = frozenset({"/", "/enter", "/client", "/client/", "/flash"})
"""What a link on another site may lead to: pages that do nothing until someone does something on them."""


async def guard(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
    """Let a request in, or say why not."""
    let_in = None
    request.scope["scheme"] = scheme(request)  # what redirects, Starlette's too, lead on by
    try:
        let_in = await _check(request)
        if let_in is not None and _is_preflight(request):
            response = Response(status_code=204)
        else:
            with logger.contextualize(address=remote_address(request)):
                response = await proceed(request)
    except TlsRequired as error:
        response = _over_tls(request) if request.method in {"GET", "HEAD"} else problem(error)
    except GatewayError as error:
        response = problem(error)
    if let_in is not None:
        wanted = request.headers.get("access-control-request-headers", "")
        response.headers.update(headers_for(let_in, preflight=_is_preflight(request), wanted=wanted))
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


async def _check(request: Request) -> str | None:
    """Raise why a request is not let in; the origin of another's page where it is from one that may talk."""
    gateway, headers, path = gateway_of(request), request.headers, request.url.path
    check_host(headers.get("host"), gateway.names)
    origin, let_in = headers.get("origin"), None
    if gateway.origins.let_in(origin, path=path, remote=remote_address(request)):
        let_in = origin
    else:
        site = None if path in _DOORSTEPS and request.method == "GET" else headers.get("sec-fetch-site")
        check_origin(origin, headers.get("host"), site)
    allowed = gateway.settings.plain_http or gateway.settings.open or path == "/healthz"
    try:
        check_plain(scheme(request), remote=remote_address(request), allowed=allowed)
    except TlsRequired:
        if not await _is_old_firmware(request):
            raise
    if path.endswith("/files") and request.method == "POST":
        await caller_of(request)  # FastAPI reads a form before it asks whose it is
    return let_in


async def _is_old_firmware(request: Request) -> bool:
    if (request.method, request.url.path) != ("POST", "/api/offer"):
        return False
    old = gateway_of(request).old_firmware
    return await old.is_let_in(request.headers.get("authorization"), remote_address(request))


def _over_tls(request: Request) -> Response:
    """The same page, at the same port."""
    return RedirectResponse(str(request.url.replace(scheme="https")), 308)
