"""Echoes, and answers each message with how many it has had: whoever hears 1 again has met another bot."""

from __future__ import annotations

from itertools import count
from typing import Any

from loguru import logger
from pipecat.runner.types import SmallWebRTCRunnerArguments

from gateway.bots import echo


async def bot(runner_args: SmallWebRTCRunnerArguments) -> None:
    numbers = count(1)

    async def heard(connection: Any, message: Any) -> None:
        logger.info("the bot has a message: {}", message.get("type"))
        connection.send_app_message({"type": "count", "data": next(numbers)})

    runner_args.webrtc_connection.add_event_handler("app-message", heard)
    await echo.bot(runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
