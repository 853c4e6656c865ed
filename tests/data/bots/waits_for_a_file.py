"""An echo that holds its event loop, as one that loads a model, until the file that WAITS_FOR names is there."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pipecat.runner.types import SmallWebRTCRunnerArguments

from gateway.bots import echo


async def bot(runner_args: SmallWebRTCRunnerArguments) -> None:
    while not Path(os.environ["WAITS_FOR"]).exists():
        time.sleep(0.02)  # noqa: ASYNC251
    await echo.bot(runner_args)
