"""In the manner of turn-management: nobody speaks, and it is cancelled."""

from __future__ import annotations

from typing import Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport

from tests.unchanged.bots import usual


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, usual.TALKS)
    worker = PipelineWorker(Pipeline([transport.input(), transport.output()]), idle_timeout_secs=5)

    @worker.event_handler("on_idle_timeout")
    async def on_idle_timeout(_worker: Any) -> None:
        usual.tell("idle")

    await usual.run(worker, transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
