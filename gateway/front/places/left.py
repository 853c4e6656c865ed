"""Calls that an earlier front has left behind: its media processes are found by their sockets, and seen out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

from loguru import logger

from gateway.errors import GatewayError
from gateway.front.places.place import Emit
from gateway.front.places.process import Process
from gateway.settings import Settings
from gateway.wire.calls import KeptCall, Unreadable
from gateway.wire.ipc import posts, reachable

CONNECT_SECONDS = 2.0
LOOK_SECONDS = 0.5


async def find(settings: Settings, emit: Emit) -> list[tuple[Process, list[KeptCall]]]:
    """The media processes that have calls and no front, and those calls."""
    found = []
    for path in posts(settings.data_dir):
        try:
            sock = await asyncio.wait_for(_connect(path), CONNECT_SECONDS)
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                path.unlink()  # its process is gone
            continue
        except (OSError, TimeoutError):
            continue  # it is another gateway's, or busy: not ours to take away
        process = Process(0, settings, emit)
        try:
            calls = await process.adopt(sock)
        except Unreadable as error:  # then they end by themselves, after `front_lost_s`
            logger.warning("calls of another version are left alone: {}", error.message)
            await process.let_go()
            continue
        except GatewayError:  # it has its front, or ends
            await process.let_go()
            continue
        logger.info("{} calls go on that an earlier start of the gateway has left", len(calls))
        found.append((process, calls))
    return found


async def _connect(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    try:
        with reachable(path) as name:
            await asyncio.get_running_loop().sock_connect(sock, name)
    except BaseException:
        sock.close()
        raise
    return sock


async def see_out(process: Process) -> str | None:
    """Wait until its calls have ended; why, where something was wrong with it."""
    while process.sessions and process.fault() is None:  # noqa: ASYNC110 -- a heartbeat that does not come is no event
        await asyncio.sleep(LOOK_SECONDS)
    fault = process.fault() if process.sessions else None
    if fault is None:
        await process.stop()
    else:
        await process.kill()
    return fault
