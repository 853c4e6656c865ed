"""What can stand between a device and its gateway: a scripted HTTP server, and a relay that loses datagrams."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

Address = tuple[str, int]
DTLS_APPLICATION_DATA = 23
"""The first byte of each datagram of a data channel (RFC 6347)."""
MESSAGE_BYTES = 120
"""More of them than SCTP says by itself: what it has of the other end's."""


@dataclass
class Script:
    """An HTTP server that answers every request with these bytes; `None`: never. One for a nonce gets one first."""

    reply: bytes | None
    requests: list[bytes] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            self.requests.append(await _request(reader))
            if self.reply is not None and self.requests[-1].startswith(b"GET /api/challenge "):
                writer.write(http(200, {"nonce": "abc"}))
                self.requests.append(await _request(reader))
            if self.reply is None:
                await reader.read()
            else:
                writer.write(self.reply)
                await writer.drain()
        writer.close()


@dataclass
class Eavesdropper:
    """A TCP server that keeps what it is sent first, and hangs up."""

    heard: list[bytes] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            self.heard.append(await reader.read(4_096))
        writer.close()


@contextlib.asynccontextmanager
async def eavesdropping() -> AsyncIterator[Eavesdropper]:
    """Run such a server on loopback."""
    ear = Eavesdropper()
    server = await asyncio.start_server(ear.serve, "127.0.0.1", 0)
    ear.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield ear
    finally:
        server.close()


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return head + await reader.readexactly(int(length[1]) if length else 0)


@contextlib.asynccontextmanager
async def scripted(reply: bytes | None) -> AsyncIterator[Script]:
    """Run such a server on loopback."""
    script = Script(reply)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield script
    finally:
        server.close()


def http(status: int, body: object, headers: str = "") -> bytes:
    """A reply with a JSON body."""
    text = json.dumps(body).encode()
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n{headers}\r\n"
    ).encode() + text


class Relay(asyncio.DatagramProtocol):
    """One side of a lossy path."""

    def __init__(self, path: Path, side: int) -> None:
        self._path, self._side = path, side

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._path.forward(self._side, data, addr)


class Path:
    """Two sockets that stand in for each other's far end.

    Of what passes `loss` is dropped, `cut` all of it, and `messages` the next so many messages toward the device.
    """

    def __init__(self, loss: float, seed: int) -> None:
        self.loss = loss
        self.cut = False
        self.messages = 0
        self.dropped = self.passed = 0
        self.far: list[Address | None] = [None, None]
        self.sides: list[asyncio.DatagramTransport] = []
        self._random = random.Random(seed)  # noqa: S311 -- repeatable on purpose

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        for side in (0, 1):
            transport, _ = await loop.create_datagram_endpoint(
                lambda side=side: Relay(self, side),  # type: ignore[misc]
                local_addr=("127.0.0.1", 0),
            )
            self.sides.append(transport)

    def port(self, side: int) -> int:
        return int(self.sides[side].get_extra_info("sockname")[1])

    def forward(self, side: int, data: bytes, _addr: Address) -> None:
        target = self.far[1 - side]
        if self.cut or target is None or self._random.random() < self.loss or self._is_lost(side, data):
            self.dropped += 1
            return
        self.passed += 1
        self.sides[1 - side].sendto(data, target)

    def _is_lost(self, side: int, data: bytes) -> bool:
        is_message = data[0] == DTLS_APPLICATION_DATA and len(data) > MESSAGE_BYTES
        if side == 0 or self.messages == 0 or not is_message:
            return False
        self.messages -= 1
        return True

    def close(self) -> None:
        for side in self.sides:
            side.close()


class Middle:
    """A gateway's double: forwards offers to the real one, and puts a lossy path into both descriptions."""

    def __init__(self, gateway: str, loss: float) -> None:
        self._gateway, self.loss = gateway, loss
        self.paths: list[Path] = []
        self.requests: list[bytes] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                request = await _request(reader)
                self.requests.append(request)
                writer.write(await self._answer(request))
                await writer.drain()
        writer.close()

    async def _fetch(self, request: bytes) -> bytes:
        target = request.split(b" ", 2)[1].decode()
        headers = _authorization(request)
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            response = await client.get(f"{self._gateway}{target}", headers=headers)
        head = f"HTTP/1.1 {response.status_code} X\r\nContent-Length: {len(response.content)}\r\n\r\n"
        return head.encode() + response.content

    async def _answer(self, request: bytes) -> bytes:
        if request.startswith(b"GET "):
            return await self._fetch(request)
        body: dict[str, Any] = json.loads(request.split(b"\r\n\r\n", 1)[1])
        path = Path(self.loss, seed=len(self.paths))
        await path.open()
        self.paths.append(path)
        body["sdp"] = _through(body["sdp"], path, 0)
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            response = await client.post(
                f"{self._gateway}/api/offer", json=body, headers=_authorization(request)
            )
        answer = response.json()
        if response.status_code == 200:
            answer["sdp"] = _through(answer["sdp"], path, 1)
        return http(response.status_code, answer)

    def cut(self) -> None:
        """Let nothing pass any more on the calls that there are."""
        for path in self.paths:
            path.cut = True

    def close(self) -> None:
        for path in self.paths:
            path.close()


def _authorization(request: bytes) -> dict[str, str]:
    found = re.search(rb"(?i)\r\nauthorization: ([^\r]*)", request)
    return {"Authorization": found[1].decode()} if found else {}


def _through(sdp: str, path: Path, side: int) -> str:
    """Note whom this side of the path has to reach, and name the other side in its place."""
    found = re.search(r"a=candidate:\S+ 1 (?i:udp) \d+ 127\.0\.0\.1 (\d+) ", sdp)
    assert found is not None, sdp
    path.far[side] = ("127.0.0.1", int(found[1]))
    return sdp.replace(f"127.0.0.1 {found[1]} ", f"127.0.0.1 {path.port(1 - side)} ")


@contextlib.asynccontextmanager
async def between(
    gateway: str, loss: float = 0.0, secure: ssl.SSLContext | None = None
) -> AsyncIterator[Middle]:
    """Stand between a device and this gateway, and lose that fraction of the datagrams each way."""
    middle = Middle(gateway, loss)
    server = await asyncio.start_server(middle.serve, "127.0.0.1", 0, ssl=secure)
    scheme = "http" if secure is None else "https"
    middle.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield middle
    finally:
        server.close()
        middle.close()


@contextlib.contextmanager
def kept_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A TCP port that refuses connections, and that nobody gets who does not ask for it by number."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: they may listen on it
        keeper.bind((host, 0))
        yield int(keeper.getsockname()[1])
