"""What every request passes: is it meant for us, from a page of ours, and over TLS where it should be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from loguru import logger

from gateway.errors import GatewayError, TlsRequired
from gateway.front.access import check_host, check_origin, check_plain
from gateway.front.routes.common import gateway_of, problem, remote_address, scheme

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "object-src 'none'; base-uri 'self'; frame-ancestors 'none'",
}
"""Of all answers; our own pages have a policy of their own, Pipecat's page needs what this one leaves."""
_DOORSTEPS: Final = frozenset({"/", "/enter", "/client/", "/flash"})
"""What a link on another site may lead to: pages that do nothing until someone does something on them."""


async def guard(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
    """Let a request in, or say why not."""
    try:
        _check(request)
        with logger.contextualize(address=remote_address(request)):
            response = await proceed(request)
    except TlsRequired as error:
        response = _over_tls(request) if request.method in {"GET", "HEAD"} else problem(error)
    except GatewayError as error:
        response = problem(error)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _check(request: Request) -> None:
    gateway, headers, path = gateway_of(request), request.headers, request.url.path
    check_host(headers.get("host"), gateway.names)
    site = None if path in _DOORSTEPS and request.method == "GET" else headers.get("sec-fetch-site")
    check_origin(headers.get("origin"), headers.get("host"), site)
    allowed = gateway.settings.plain_http or gateway.settings.open or path == "/healthz"
    check_plain(scheme(request), remote=remote_address(request), allowed=allowed)


def _over_tls(request: Request) -> Response:
    """The same page, at the same port."""
    return RedirectResponse(str(request.url.replace(scheme="https")), 308)
