"""A host from start to end: its media processes, and the bus that their calls come by."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Callable
from typing import Final

from loguru import logger

from gateway.bus import subjects
from gateway.bus.connection import connected
from gateway.errors import ConfigError
from gateway.front.places.workers import Workers
from gateway.hosting.desk import Desk
from gateway.settings import Settings
from ground import folders, priority

LOOK_SECONDS: Final = 0.25


def identity(settings: Settings) -> subjects.HostId:
    """Who this process is: its user's name at NATS, or the machine's, and a number of its own."""
    assert settings.nats is not None
    user = settings.nats.user or f"host-{subjects.token(settings.name)}"
    if not user.startswith("host-"):
        raise ConfigError(
            f"setting nats.user: {user} is a front's", remedy="give this host its own: voicegw nats"
        )
    return subjects.HostId(user.removeprefix("host-"), secrets.token_hex(4))


async def serve(settings: Settings, on_ready: Callable[[subjects.HostId], None], *, drain_s: float) -> None:
    """Carry calls until SIGINT or SIGTERM.

    Args:
        settings: the host's own.
        on_ready: called once calls are taken.
        drain_s: for calls to end by themselves once it is told to stop; then their devices are told to go elsewhere.

    Raises:
        ConfigError: a setting that cannot work.
    """
    if settings.nats is None:
        raise ConfigError("a host needs NATS", remedy="voicegw host --nats nats://HOST:4222")
    priority.go_first()
    stopping = asyncio.Event()
    hurry = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stopping, hurry)
    folders.ready(settings.data_dir, setting="data_dir")
    who = identity(settings)
    async with connected(settings.nats, f"host-{who.name}") as bus:
        desk = Desk(settings, bus, who)
        workers = Workers(settings, desk.emit)
        try:
            kept = await workers.adopt()
            await workers.start()
            await desk.start(workers, kept)
            logger.info("host {} takes calls", who)
            on_ready(who)
            await stopping.wait()
            await desk.drain()
            await _emptied(desk, hurry, drain_s)
        finally:
            await workers.stop()
            await desk.close()


def _stop(stopping: asyncio.Event, hurry: asyncio.Event) -> None:
    """A second signal waits for no call."""
    if stopping.is_set():
        hurry.set()
    stopping.set()


async def _emptied(desk: Desk, hurry: asyncio.Event, seconds: float) -> None:
    """Wait until its calls are over, at most so long."""
    over = asyncio.get_running_loop().time() + seconds
    while desk.count and not hurry.is_set() and asyncio.get_running_loop().time() < over:  # noqa: ASYNC110
        await asyncio.sleep(LOOK_SECONDS)  # calls end by many ways, and tell no one here
