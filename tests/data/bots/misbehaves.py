"""An echo until a client asks for trouble: {"type": "raise" | "block" | "leave" | "exit"} as an RTVI-less message."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from pipecat.runner.types import SmallWebRTCRunnerArguments

from gateway.bots import echo


async def bot(runner_args: SmallWebRTCRunnerArguments) -> None:
    """Echo beside a task that waits for the request."""
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def heard(_connection: Any, message: Any) -> None:
        asked.put_nowait(str(message["type"]))

    runner_args.webrtc_connection.add_event_handler("app-message", heard)
    echoing = asyncio.create_task(echo.bot(runner_args))
    asking = asyncio.create_task(asked.get())
    await asyncio.wait({echoing, asking}, return_when=asyncio.FIRST_COMPLETED)
    if echoing.done():
        asking.cancel()
        return
    match asking.result():
        case "raise":
            raise RuntimeError("asked to raise")
        case "block":
            print("blocking from now on", flush=True)  # noqa: T201 -- the gateway's log gets it
            time.sleep(3_600)  # noqa: ASYNC251 -- the fault itself
        case "exit":
            os._exit(7)
