"""A bot that never connects its transport."""

import asyncio


async def bot(runner_args: object) -> None:
    """Wait for ever."""
    await asyncio.Event().wait()
