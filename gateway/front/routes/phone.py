"""The phone, at the paths of Pipecat's runner: `POST /` is the provider's webhook, `/ws` its media stream."""

from __future__ import annotations

import asyncio
import base64
import secrets
from typing import Final

from fastapi import APIRouter, Request, Response, WebSocket, WebSocketDisconnect
from loguru import logger

from gateway.errors import GatewayError, NotFound, Stopping
from gateway.front.access import check_host, check_plain
from gateway.front.lines import LineEnd
from gateway.front.parts import Gateway
from gateway.front.phone import Asked, Phone
from gateway.front.routes.common import gateway_of, remote_address, responses, scheme
from gateway.wire.calls import PhoneCall
from gateway.wire.route import unmapped

router = APIRouter(tags=["phone"])

_FAILED: Final = 1011
"""RFC 6455, section 7.4.1."""


@router.post("/", responses=responses(403, 413))
async def webhook(request: Request) -> Response:
    """Tell the provider where the media stream of a call goes."""
    phone = _phone_of(gateway_of(request))
    asked = _asked(request, await request.body())
    answer = phone.answer(asked)
    return Response(answer.content, media_type=answer.media_type)


@router.websocket("/ws")
async def stream(socket: WebSocket) -> None:
    """A media stream that its provider has signed."""
    await _hold(socket, None)


@router.websocket("/ws/{ticket}")
async def stream_with_ticket(socket: WebSocket, ticket: str) -> None:
    """A media stream at an address that the webhook was answered."""
    await _hold(socket, ticket)


def _phone_of(gateway: Gateway) -> Phone:
    if gateway.phone is None:
        raise NotFound("no calls on the phone are taken here", remedy="set [phone]")
    return gateway.phone


def _asked(request: Request | WebSocket, body: bytes = b"") -> Asked:
    query = request.url.query
    target = request.url.path + (f"?{query}" if query else "")
    method = request.method if isinstance(request, Request) else "GET"
    return Asked(method, target, {k.lower(): v for k, v in request.headers.items()}, body)


async def _hold(socket: WebSocket, ticket: str | None) -> None:
    gateway: Gateway = socket.app.state.gateway
    remote = str(unmapped(remote_address(socket)))
    try:
        phone = _let_in(gateway, socket, remote, ticket)
        call = PhoneCall(
            session_id=secrets.token_hex(8),
            provider=phone.provider,
            bot=_bot_of(gateway),
            remote=remote,
        )
        async with gateway.lines.call(call) as line:
            await socket.accept()
            await _pass_on(socket, line)
    except GatewayError as error:
        logger.info("media stream of {} refused: {} ({})", remote, error.message, error.code)
        await socket.close()  # before it is accepted: 403


def _let_in(gateway: Gateway, socket: WebSocket, remote: str, ticket: str | None) -> Phone:
    """Raise why a media stream is not let in."""
    if gateway.switchboard.stopping:
        raise Stopping("the gateway is stopping", remedy="try again when it is back")
    phone = _phone_of(gateway)
    check_host(socket.headers.get("host"), gateway.names)
    secure = scheme(socket) in {"https", "wss"}
    check_plain("https" if secure else "http", remote=remote, allowed=False)
    phone.admit(_asked(socket), ticket)
    return phone


def _bot_of(gateway: Gateway) -> str:
    phone = gateway.settings.phone
    return gateway.settings.bot if phone is None or phone.bot is None else phone.bot


async def _pass_on(socket: WebSocket, line: LineEnd) -> None:
    """What either end says, until one is gone."""
    reading = asyncio.create_task(_read(socket, line), name="line-read")
    writing = asyncio.create_task(_write(socket, line), name="line-write")
    try:
        await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            await socket.close(1000 if line.reason in {"bot_ended", "client_left"} else _FAILED)
    finally:
        for task in (reading, writing):
            task.cancel()
        await asyncio.gather(reading, writing, return_exceptions=True)


async def _read(socket: WebSocket, line: LineEnd) -> None:
    while (message := await socket.receive())["type"] == "websocket.receive":
        data = message.get("bytes")
        line.heard(message.get("text"), None if data is None else base64.b64encode(data).decode())


async def _write(socket: WebSocket, line: LineEnd) -> None:
    try:
        while (message := await line.said()) is not None:
            if message.data is not None:
                await socket.send_bytes(base64.b64decode(message.data))
            else:
                await socket.send_text(message.text or "")
    except WebSocketDisconnect:
        return  # which reading tells as well
