"""The WebSocket of a call on the phone as its bot has it: Starlette's, over the pair that leads to the front."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Any, Final

from starlette.types import Message
from starlette.websockets import WebSocket

from gateway.wire import talk
from gateway.wire.frames import Frame, FrameError, Kind
from gateway.wire.pair import Pair

GOING_AWAY: Final = 1001
"""How a WebSocket ends whose other end is gone (RFC 6455, section 7.4.1)."""


class PhoneLine:
    """Holds what `runner_args.websocket` is, accepted as Pipecat's runner accepts it."""

    def __init__(self) -> None:
        self._pair: Pair | None = None
        self._heard: asyncio.Queue[Message] = asyncio.Queue()
        self._listens = False
        self._over = False
        scope = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b"", "subprotocols": []}
        self.websocket: WebSocket = WebSocket(scope, self._receive, self._send)

    def attach(self, pair: Pair) -> None:
        """Speak over this pair from now on."""
        self._pair = pair

    async def accept(self) -> None:
        """Have the bot find it open."""
        self._heard.put_nowait({"type": "websocket.connect"})
        await self.websocket.accept()

    async def serve(self) -> None:
        """Nothing: messages wait until the bot asks for them."""

    def take(self, frame: Frame) -> None:
        """Take a frame of the media's."""
        if frame.kind is not Kind.MESSAGE:
            raise FrameError(f"a bot on the phone is sent no {frame.kind.name}")
        match told := talk.to_bot(frame.message()):
            case talk.Line():
                self._heard.put_nowait({"type": "websocket.receive", **_content(told)})
            case talk.Close():
                self.lose()
            case _:
                raise FrameError(f"a bot on the phone is told no {told.t}")

    def lose(self) -> None:
        """The provider is gone."""
        if not self._over:
            self._over = True
            self._heard.put_nowait({"type": "websocket.disconnect", "code": GOING_AWAY})

    async def _receive(self) -> Message:
        if self.websocket.client_state.name == "CONNECTED" and not self._listens:
            self._listens = True
            self._tell(talk.Ready())
        return await self._heard.get()

    async def _send(self, message: Message) -> None:
        if self._over:
            raise OSError("the provider has hung up")
        if message["type"] == "websocket.send":
            data = message.get("bytes")
            encoded = None if data is None else base64.b64encode(data).decode()
            self._tell(talk.Line(text=message.get("text"), data=encoded))
        elif message["type"] == "websocket.close":
            self._over = True
            self._tell(talk.HangUp())

    def _tell(self, told: talk.Told) -> None:
        if self._pair is not None:
            self._pair.message(told.model_dump(mode="json"))


def _content(line: talk.Line) -> dict[str, Any]:
    if line.data is None:
        return {"text": line.text or ""}
    try:
        return {"bytes": base64.b64decode(line.data, validate=True)}
    except binascii.Error as error:
        raise FrameError(f"bytes that are no base64: {error}") from None
