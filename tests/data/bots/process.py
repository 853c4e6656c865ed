"""A bot for tests of its process: does what its body says, without a call."""

from __future__ import annotations


async def bot(runner_args: object) -> None:
    """Nothing; tests.support.bot_runner does it."""
