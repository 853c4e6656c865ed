"""In the manner of features: messages of the client's own, and of the server's."""

from __future__ import annotations

from typing import Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frameworks.rtvi import RTVIServerMessageFrame
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport

from tests.unchanged.bots import usual


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, usual.TALKS)
    worker = usual.work(Pipeline([transport.input(), transport.output()]), runner_args)

    @worker.rtvi.event_handler("on_client_ready")
    async def on_client_ready(_rtvi: Any) -> None:
        usual.tell("client ready")
        await worker.queue_frames([RTVIServerMessageFrame(data={"greeting": "Grüße"})])

    @worker.rtvi.event_handler("on_client_message")
    async def on_client_message(rtvi: Any, message: Any) -> None:
        usual.tell(f"message {message.type} {message.data}")
        await rtvi.send_server_response(message, {"of": message.data})

    await usual.run(worker, transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
