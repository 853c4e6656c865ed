"""In the manner of audio and features: two branches, one of which has the last word."""

from __future__ import annotations

from pipecat.frames.frames import EndFrame, TTSSpeakFrame
from pipecat.pipeline.parallel_pipeline import ParallelPipeline
from pipecat.pipeline.pipeline import Pipeline
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport

from tests.unchanged.bots import usual


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, usual.SPEAKS)
    branches = ParallelPipeline([usual.tts("ash")], [usual.tts("ballad")])
    worker = usual.work(Pipeline([branches, transport.output()]), runner_args)

    async def greet() -> None:
        await worker.queue_frames([TTSSpeakFrame("Hello twice."), EndFrame()])

    await usual.run(worker, transport, runner_args, greet)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
