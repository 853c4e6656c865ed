"""A headless Chromium, driven over the DevTools protocol."""

import asyncio
import contextlib
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

BINARY = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--remote-debugging-port=0",
]


class Page:
    def __init__(self, socket: ClientConnection, session: str) -> None:
        self._socket = socket
        self._session = session
        self._numbers = itertools.count(100)

    async def run(self, script: str) -> Any:
        """Evaluate `script`, the body of an async function, and return what it returns."""
        number = next(self._numbers)
        wrapped = f"(async () => {{ {script} }})()"
        params = {"expression": wrapped, "awaitPromise": True, "returnByValue": True}
        reply = await _call(self._socket, number, "Runtime.evaluate", params, self._session)
        assert "exceptionDetails" not in reply, reply
        return reply["result"].get("value")


async def _call(
    socket: ClientConnection, number: int, method: str, params: dict[str, Any], session: str = ""
) -> dict[str, Any]:
    request: dict[str, Any] = {"id": number, "method": method, "params": params}
    if session:
        request["sessionId"] = session
    await socket.send(json.dumps(request))
    while True:
        reply = json.loads(await socket.recv())
        if reply.get("id") == number:
            assert "result" in reply, reply
            result: dict[str, Any] = reply["result"]
            return result


async def _endpoint(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        _, found, url = line.decode(errors="replace").partition("DevTools listening on ")
        if found:
            return url.strip()
    raise AssertionError("Chromium ended before it listened")


@contextlib.asynccontextmanager
async def page() -> AsyncIterator[Page]:
    assert BINARY is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            BINARY,
            *FLAGS,
            f"--user-data-dir={Path(profile)}",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(60):
                url = await _endpoint(process)
            async with connect(url, max_size=None, proxy=None) as socket:
                target = await _call(socket, 1, "Target.createTarget", {"url": "about:blank"})
                attach = {"targetId": target["targetId"], "flatten": True}
                session = await _call(socket, 2, "Target.attachToTarget", attach)
                yield Page(socket, session["sessionId"])
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.communicate()
