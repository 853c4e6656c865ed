"""A WebSocket API as Home Assistant's developer documentation has it: authentication and Assist pipelines.

It is no Home Assistant: what is tested with it is that we speak as that documents.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

TOKEN = "long-lived"
PIPELINES = [{"id": "01abc", "name": "Home"}, {"id": "01def", "name": "Friendly"}]

DEVICES = [
    {"id": "d1", "manufacturer": "voicegw", "name": "porch"},
    {"id": "d2", "manufacturer": "ACME", "name": "kitchen"},
    {"id": "d3", "manufacturer": "voicegw", "name": "kitchen"},
]


@dataclass
class House:
    """What it was asked, and how it answers."""

    answer: Callable[[str], str] = "You said {}.".format
    fails: bool = False
    odd: Any = None
    """What it says to a question in the place of an answer."""
    shows_devices: bool = True
    url: str = ""
    runs: list[dict[str, Any]] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """One client."""
        socket = web.WebSocketResponse(timeout=0.1)
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_json({"type": "auth_required", "ha_version": "2025.11.0"})
        offered = (await socket.receive_json()).get("access_token")
        if offered != TOKEN:
            await socket.send_json({"type": "auth_invalid", "message": "Invalid access token"})
            await socket.close()
            return socket
        await socket.send_json({"type": "auth_ok", "ha_version": "2025.11.0"})
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._answer(socket, message.json())
        return socket

    async def _answer(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        own = {"id": asked["id"]}
        if asked["type"] == "assist_pipeline/pipeline/list":
            result = {"pipelines": PIPELINES, "preferred_pipeline": "01abc"}
            await socket.send_json({**own, "type": "result", "success": True, "result": result})
            return
        if asked["type"] == "config/device_registry/list":
            refused = {"success": False, "error": {"code": "unauthorized", "message": "Unauthorized"}}
            told = {"success": True, "result": DEVICES} if self.shows_devices else refused
            await socket.send_json({**own, "type": "result", **told})
            return
        assert asked["type"] == "assist_pipeline/run"
        self.runs.append(asked)
        if self.odd is not None:
            await socket.send_json(own | self.odd if isinstance(self.odd, dict) else self.odd)
            return
        await socket.send_json({**own, "type": "result", "success": True, "result": None})

        async def event(kind: str, data: Any) -> None:
            await socket.send_json({**own, "type": "event", "event": {"type": kind, "data": data}})

        await event("run-start", {"pipeline": asked.get("pipeline", "01abc"), "language": "en"})
        await event(
            "intent-start", {"engine": "conversation.home_assistant", "intent_input": asked["input"]["text"]}
        )
        if self.fails:
            await event("error", {"code": "intent-failed", "message": "Unexpected error"})
        else:
            said = {"plain": {"speech": self.answer(asked["input"]["text"]), "extra_data": None}}
            response = {"speech": said, "response_type": "action_done", "language": "en", "data": {}}
            await event("intent-end", {"intent_output": {"response": response, "conversation_id": "c1"}})
        await event("run-end", None)


@contextlib.asynccontextmanager
async def house(**own: Any) -> AsyncIterator[House]:
    """Run one on loopback for the length of the block."""
    found = House(**own)
    app = web.Application()
    app.router.add_get("/api/websocket", found.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    [(_, port)] = [address[:2] for address in runner.addresses]
    found.url = f"http://127.0.0.1:{port}"
    try:
        yield found
    finally:
        await runner.cleanup()
