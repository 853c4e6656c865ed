"""Bodies of bounded size, whether they say their length or not."""

from __future__ import annotations

import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import BodyTooLarge
from gateway.front.routes.common import problem


class BodyLimit:
    """ASGI middleware that answers 413 instead of reading past `limit` bytes."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = problem(
            BodyTooLarge(f"the body is over {self._limit} bytes", remedy="send a smaller offer")
        )
        if self._declared(scope) > self._limit:
            await refusal(scope, receive, send)
            return
        over = False
        seen = 0

        async def bounded() -> Message:
            nonlocal over, seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
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
