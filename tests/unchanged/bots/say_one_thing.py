"""In the manner of getting-started: it says one thing and hangs up."""

from __future__ import annotations

from pipecat.frames.frames import EndFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport

from tests.unchanged.bots import usual


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, usual.SPEAKS)
    worker = usual.work(Pipeline([usual.tts(), transport.output()]), runner_args)

    async def greet() -> None:
        await worker.queue_frames([TTSSpeakFrame("Hello there!"), EndFrame()])

    await usual.run(worker, transport, runner_args, greet)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
