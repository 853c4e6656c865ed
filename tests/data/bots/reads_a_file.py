"""Echoes, and says what stands in the file that the client has sent for it."""

from __future__ import annotations

from loguru import logger
from pipecat.runner.types import SmallWebRTCRunnerArguments

from gateway.bots import echo


async def bot(runner_args: SmallWebRTCRunnerArguments) -> None:
    assert runner_args.file_storage is not None
    assert runner_args.body is not None
    logger.info("the file says {}", await runner_args.file_storage.load(runner_args.body["file"]))
    await echo.bot(runner_args)
