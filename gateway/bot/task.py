"""The bot of one call: started beside it, waited for until it is ready, and ended with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

from loguru import logger
from pipecat.pipeline.worker import PipelineWorker

from gateway.errors import BotFailed, GatewayError

END_SECONDS = 5.0
"""How long a bot may take to finish once its client is gone."""

watcher: ContextVar[Callable[[PipelineWorker], None]] = ContextVar("voicegw_watcher")
"""Is shown each pipeline that the running bot makes."""


class BotTask:
    """A bot at work.

    Args:
        name: as the settings call it.
        running: its coroutine.
        session_id: of its call, for the log.
    """

    def __init__(self, name: str, running: Coroutine[Any, Any, None], session_id: str) -> None:
        self._name = name
        self._log = logger.bind(session=session_id)
        self.task = asyncio.create_task(running, name=f"bot-{session_id}")

    @property
    def done(self) -> bool:
        """Whether it has returned, raised or been cancelled."""
        return self.task.done()

    def failed(self) -> bool:
        """Whether a bot that is done raised; if so, its trace is logged."""
        error = None if self.task.cancelled() else self.task.exception()
        if error is not None:
            self._log.opt(exception=error).error("bot {} died", self._name)
        return error is not None

    async def ready(self, connected: asyncio.Event, seconds: float) -> None:
        """Wait until its transport connects.

        Raises:
            BotFailed: it raised or returned before, or took longer than `seconds`.
            GatewayError: what it raised, if that was an error of ours.
        """
        waiting = asyncio.create_task(connected.wait(), name="bot-ready")
        try:
            await asyncio.wait({self.task, waiting}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if connected.is_set():
            return
        if not self.done:
            self.task.cancel()  # else closing would wait for it as for one that is at work
            raise BotFailed(
                f"bot {self._name} did not connect its transport within {seconds:g} s",
                remedy="load what takes long in `prepared`, or raise limits.offer_timeout_s",
            )
        error = None if self.task.cancelled() else self.task.exception()
        self._log.opt(exception=error).error("bot {} did not start", self._name)
        if isinstance(error, GatewayError):
            raise error
        cause = f"{type(error).__name__}: {error}" if error else "it returned before its transport connected"
        raise BotFailed(f"bot {self._name} did not start: {cause}", remedy="see the gateway's log")

    async def end(self) -> None:
        """Let it finish, and cancel it if it does not."""
        await asyncio.wait({self.task}, timeout=END_SECONDS)
        if not self.done:
            self.task.cancel()
            await asyncio.wait({self.task}, timeout=END_SECONDS)
        if not self.done:
            self._log.error("bot {} does not end, not even cancelled; it is left behind", self._name)
        elif not self.task.cancelled():
            self.task.exception()  # told already, or no more than an answer to the end
