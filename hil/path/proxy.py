"""An HTTP proxy before the gateway, which puts a relay into each call that passes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from hil.path import sdp
from hil.path.relay import Relay
from hil.path.sdp import Candidate
from hil.path.trace import Trace

_BODY_MAX: Final = 64 << 20
_ANSWER_SECONDS: Final = 30.0
_RESET: Final = struct.pack("ii", 1, 0)  # lingering for no time: closing resets (socket(7))
_HOP_BY_HOP: Final = frozenset({"connection", "content-length", "host", "transfer-encoding", "keep-alive"})


_BUSY: Final = httpx.Response(
    503,
    headers={"content-type": "application/problem+json", "retry-after": "2"},
    content=json.dumps(
        {"type": "about:blank", "title": "busy", "status": 503, "detail": "", "code": "busy", "remedy": ""}
    ),
)


@dataclass(slots=True)
class Call:
    """An offer that passed. Times are seconds on the link's clock; `answer` is the problem where it was refused."""

    number: int
    offered_at: float
    offer: dict[str, Any]
    relay: Relay
    status: int = 0
    answered_at: float = 0.0
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> dict[str, str]:
        """What the board says of itself."""
        data = self.offer.get("request_data") or {}
        device: dict[str, str] = data.get("device") or {}
        return device


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request of a board."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Proxy:
    """Serves a board in the gateway's name. Lives in one event loop.

    Args:
        gateway: the URL that requests go on to.
        trace: of all calls.
        prepare: given each new call's relay, before anything passes through it.
    """

    def __init__(self, gateway: str, trace: Trace, prepare: Callable[[Relay], None]) -> None:
        self.gateway = gateway
        self.calls: list[Call] = []
        self._trace = trace
        self._prepare = prepare
        self._is_full = False
        self._http = httpx.AsyncClient(
            timeout=_ANSWER_SECONDS,
            trust_env=False,
            verify=False,  # noqa: S501 -- the gateway that this run has started, or was told of
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection."""
        here = str(writer.get_extra_info("sockname")[0])
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            try:
                while True:
                    writer.write(await self._answer(await _read(reader), here))
                    await writer.drain()
            except httpx.HTTPError:  # a gateway that is not there resets the connection
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.close()

    def refuse(self) -> None:
        """Answer offers as a gateway that is full."""
        self._is_full = True

    async def close(self) -> None:
        """Close what calls left open."""
        await self._http.aclose()
        for call in self.calls:
            call.relay.close()

    async def _answer(self, request: Request, here: str) -> bytes:
        if request.method == "POST" and request.path.endswith("/api/offer"):
            return await self._offer(request, here)
        return _reply(await self._pass_on(request, request.body))

    async def _offer(self, request: Request, here: str) -> bytes:
        if self._is_full:
            return _reply(_BUSY)
        loop = asyncio.get_running_loop()
        offer = json.loads(request.body)
        relay = Relay(len(self.calls) + 1, self._trace)
        self._prepare(relay)
        call = Call(relay.number, loop.time(), offer, relay)
        self.calls.append(call)
        there = httpx.URL(self.gateway).host
        await relay.open(here, there)
        relay.meet(board=sdp.first_candidate(offer["sdp"]))
        ours = sdp.through(offer["sdp"], Candidate(there, relay.gateway_port))
        response = await self._pass_on(request, json.dumps({**offer, "sdp": ours}).encode())
        call.status, call.answer, call.answered_at = response.status_code, response.json(), loop.time()
        if response.status_code != 200:
            return _reply(response)
        relay.meet(gateway=sdp.first_candidate(call.answer["sdp"]))
        mine = Candidate(_called(request, here), relay.board_port)
        answer = {**call.answer, "sdp": sdp.through(call.answer["sdp"], mine)}
        return _reply(response, json.dumps(answer).encode())

    async def _pass_on(self, request: Request, body: bytes) -> httpx.Response:
        headers = {k: v for k, v in request.headers.items() if k not in _HOP_BY_HOP}
        return await self._http.request(
            request.method, self.gateway + request.path, headers=headers, content=body
        )


def _called(request: Request, here: str) -> str:
    """The address by which the board called us: from within an emulator's network it is not our own."""
    host = request.headers.get("host", "").rsplit(":", 1)[0]
    return host if re.fullmatch(r"[0-9.]+", host) else here


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    return Request(method, path, headers, await reader.readexactly(min(length, _BODY_MAX)))


def _reply(response: httpx.Response, body: bytes | None = None) -> bytes:
    content = response.content if body is None else body
    kept = {k: v for k, v in response.headers.items() if k not in _HOP_BY_HOP | {"content-encoding"}}
    lines = [f"HTTP/1.1 {response.status_code} {response.reason_phrase}"]
    lines += [f"{name}: {value}" for name, value in kept.items()]
    lines += [f"content-length: {len(content)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + content
