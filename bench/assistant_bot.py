"""The baseline of a conversation: our assistant, which is a Pipecat bot, at Pipecat's own runner."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Final

from pipecat.runner.types import RunnerArguments

from gateway.bots import assistant

_HELD: Final = AsyncExitStack()
"""The recogniser and the end-of-turn model, which its calls share there as they do here."""
_LOADED: Final = asyncio.Lock()
_loaded: list[bool] = []


async def bot(runner_args: RunnerArguments) -> None:
    """Hold one call."""
    async with _LOADED:
        if not _loaded:
            await _HELD.enter_async_context(assistant.warm(assistant.AssistantSettings()))
            _loaded.append(True)
    await assistant.bot(runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
