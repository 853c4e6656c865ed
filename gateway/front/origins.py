"""Pages of other origins that may talk through this gateway: a client of somebody's own, on a dev server or a site."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from gateway.wire.route import unmapped

_TALK: Final = re.compile(
    r"/api/offer|/api/challenge|/start|/status|/files|/sessions/[^/]+/(api/offer|files)"
)
"""What a client that talks asks for. Nothing else is for another page, least of all what an operator may do."""
_ORIGIN: Final = re.compile(r"https?://(\[[0-9a-f:]+\]|[^/:\[\]]+)(:[0-9]{1,5})?", re.IGNORECASE)
_METHODS: Final = "GET, POST, PATCH"


class Origins:
    """Which origins those are.

    Args:
        allowed: origins, as `https://example.com`; `*` is any. `None` is each of this machine's own: what a page that a
            dev server here serves to a browser here has.
    """

    def __init__(self, allowed: Iterable[str] | None) -> None:
        self._allowed = None if allowed is None else {origin.lower().rstrip("/") for origin in allowed}

    def let_in(self, origin: str | None, *, path: str, remote: str) -> bool:
        """Whether a page of this origin may ask for this path.

        Args:
            origin: as the browser gives it.
            path: of the request.
            remote: where the request comes from.
        """
        if origin is None or not _TALK.fullmatch(path):
            return False
        if self._allowed is None:
            return _is_of_loopback(origin) and unmapped(remote).is_loopback
        return "*" in self._allowed or origin.lower() in self._allowed


def _is_of_loopback(origin: str) -> bool:
    found = _ORIGIN.fullmatch(origin)
    name = found[1].strip("[]").lower() if found else ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def headers_for(origin: str, *, preflight: bool, wanted: str = "") -> dict[str, str]:
    """What tells the browser so (the Fetch standard, CORS protocol). No cookie is let across.

    Args:
        origin: of the page that is let in.
        preflight: whether the browser asks beforehand.
        wanted: the headers that the page is about to send: its author's own, as Pipecat's runner lets them through.
    """
    found = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    if preflight:
        found |= {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": wanted,
            "Access-Control-Max-Age": "600",
        }
    return found
