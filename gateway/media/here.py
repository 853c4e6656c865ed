"""Bots in this process, on this event loop: for a debugger, which follows one process only."""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import Awaitable
from contextlib import AsyncExitStack

from gateway.settings import Settings
from gateway.wire.calls import BotJob, Exit


class HereBot:
    """A bot that is a task.

    Args:
        sock: the media's end of its pair.
        task: the bot.
    """

    def __init__(self, sock: socket.socket, task: asyncio.Task[Exit]) -> None:
        self.sock = sock
        self.ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._task = task
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Exit]) -> None:
        if task.cancelled():
            self.ended.set_result(Exit(how="killed", detail="it was cancelled"))
        elif (error := task.exception()) is not None:
            self.ended.set_result(Exit(how="raised", detail=f"{type(error).__name__}: {error}"))
        else:
            self.ended.set_result(task.result())

    def terminate(self) -> None:
        """Cancel it."""
        self._task.cancel()

    def kill(self) -> None:
        """As far as that goes here: a task that blocks the loop blocks the calls beside it too."""
        self._task.cancel()


class BotsHere:
    """Begins bots as tasks.

    Args:
        settings: the gateway's.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._run = importlib.import_module("gateway.bot.run")
        self._held = AsyncExitStack()

    async def start(self, *, again: bool = False) -> None:  # noqa: ARG002 -- it never is
        """Load what the settings name; raises ConfigError where that can't work."""
        await self._held.enter_async_context(self._run.prepared(self._settings))

    def check(self, bot: str) -> None:
        """Raises ConfigError where this bot can't be imported."""
        self._run.check(bot)

    async def begin(self, job: BotJob) -> HereBot:
        """Begin a bot."""
        ours, theirs = socket.socketpair()
        return HereBot(
            ours, asyncio.create_task(_held(self._run.hold(theirs, job)), name=f"bot-{job.session_id}")
        )

    async def stop(self) -> None:
        """Let go what bots shared."""
        await self._held.aclose()


async def _held(bot: Awaitable[None]) -> Exit:
    """A bot that calls `sys.exit` ends its call: a task that does would end this process."""
    try:
        await bot
    except SystemExit as error:
        return Exit.by(error)
    return Exit(how="returned")
