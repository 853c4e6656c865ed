"""An echo that looks at the peer connection when its client wants it to."""

from __future__ import annotations

from pipecat.runner.types import SmallWebRTCRunnerArguments

from gateway.bots import echo


async def bot(runner_args: SmallWebRTCRunnerArguments) -> None:
    """Echo; any message asks."""

    async def asked(connection: object, _message: object) -> None:
        assert connection is runner_args.webrtc_connection
        connection.send_app_message({"type": "state", "is": connection.pc.connectionState})

    runner_args.webrtc_connection.add_event_handler("app-message", asked)
    await echo.bot(runner_args)
