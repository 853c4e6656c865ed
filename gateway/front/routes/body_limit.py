"""Bodies of bounded size, whether they say their length or not."""

from __future__ import annotations

import contextlib
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import BodyTooLarge
from gateway.front.routes.common import problem

_AROUND_FILES: Final = 64_000
"""Bytes of a multipart body (RFC 7578) beside what it carries."""


class BodyLimit:
    """ASGI middleware that answers 413 instead of reading past `limit` bytes, or `files` where files are sent."""

    def __init__(self, app: ASGIApp, *, limit: int, files: int) -> None:
        self._app = app
        self._limits = {False: limit, True: files + _AROUND_FILES}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits[scope["path"].endswith("/files")]
        refusal = problem(BodyTooLarge(f"the body is over {limit} bytes", remedy="send a smaller one"))
        if self._declared(scope) > limit:
            await refusal(scope, receive, send)
            return
        over = False
        seen = 0

        async def bounded() -> Message:
            nonlocal over, seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                over = True
                raise _OverLimit
            return message

        async def unless_over(message: Message) -> None:
            if not over:  # else it is what the app made of our exception
                await send(message)

        with contextlib.suppress(_OverLimit):  # raised while the body is read, so no response has begun
            await self._app(scope, bounded, unless_over)
        if over:
            await refusal(scope, receive, send)

    @staticmethod
    def _declared(scope: Scope) -> int:
        value = dict(scope["headers"]).get(b"content-length", b"0")
        return int(value) if value.isdigit() else 0


class _OverLimit(Exception):
    pass
