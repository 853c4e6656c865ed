"""An echo that looks at the peer connection itself, as some of Pipecat's examples do."""

from __future__ import annotations

from pipecat.runner.types import SmallWebRTCRunnerArguments

from gateway.bots import echo


async def bot(runner_args: SmallWebRTCRunnerArguments) -> None:
    """Echo, if there is a peer connection."""
    assert runner_args.webrtc_connection.pc.connectionState != "closed"
    await echo.bot(runner_args)
