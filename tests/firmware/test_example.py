import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from fastapi import FastAPI

from tests.firmware.interop import PROGRAM

EXAMPLE = PROGRAM.parent / "examples" / "echo"


def echo_app(connections: list[RTCPeerConnection]) -> FastAPI:
    """As small a gateway as can be: it plays back what it hears."""
    app = FastAPI()

    @app.post("/api/offer")
    async def offer(body: dict[str, str]) -> dict[str, str]:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connections.append(connection)

        @connection.on("track")
        def echo(track: MediaStreamTrack) -> None:
            connection.addTrack(track)

        await connection.setRemoteDescription(RTCSessionDescription(body["sdp"], body["type"]))
        await connection.setLocalDescription(await connection.createAnswer())
        return {"sdp": connection.localDescription.sdp, "type": "answer"}

    return app


class Server(uvicorn.Server):
    def __init__(self, app: FastAPI) -> None:
        super().__init__(uvicorn.Config(app, port=0, log_level="warning"))
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    connections: list[RTCPeerConnection] = []
    server = Server(echo_app(connections))
    serving = asyncio.create_task(server.serve(), name="gateway")
    await server.ready.wait()
    yield server.servers[0].sockets[0].getsockname()[1]
    for connection in connections:
        await connection.close()
    server.should_exit = True
    await serving


async def test_the_example_hears_its_echo(port: int) -> None:
    process = await asyncio.create_subprocess_exec(
        EXAMPLE, "127.0.0.1", str(port), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    assert out == b"heard the echo\n"
    assert process.returncode == 0
