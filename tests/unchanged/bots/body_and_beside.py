"""In the manner of flows and vision: a file beside it, and a body that is looked at."""

from __future__ import annotations

from typing import Any

from pipecat.frames.frames import EndFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frameworks.rtvi import RTVIServerMessageFrame
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from unchanged_beside import greeting  # type: ignore[import-not-found]

from tests.unchanged.bots import usual


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, usual.TALKS)
    if not runner_args.body:
        usual.tell("no body")
    worker = usual.work(Pipeline([transport.input(), transport.output()]), runner_args)

    @worker.rtvi.event_handler("on_client_ready")
    async def on_client_ready(_rtvi: Any) -> None:
        await worker.queue_frames([RTVIServerMessageFrame(data=greeting(runner_args.body)), EndFrame()])

    await usual.run(worker, transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
