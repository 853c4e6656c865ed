"""An echo that loads something for 8 s first, as models are loaded, and has its event loop wait for it."""

from __future__ import annotations

import time

from pipecat.runner.types import SmallWebRTCRunnerArguments

from gateway.bots import echo


async def bot(runner_args: SmallWebRTCRunnerArguments) -> None:
    time.sleep(8)  # noqa: ASYNC251 -- what is tried
    await echo.bot(runner_args)
