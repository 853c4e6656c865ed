"""In the manner of features that switch voices: two branches, of which one is let speak.

Two that speak at once are no comparison: which is done first, and so whether the bot pauses, is chance on either side.
"""

from __future__ import annotations

from pipecat.frames.frames import EndFrame, Frame, TTSSpeakFrame
from pipecat.pipeline.parallel_pipeline import ParallelPipeline
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.filters.function_filter import FunctionFilter
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport

from tests.unchanged.bots import usual

CHOSEN = "ballad"


def voice(name: str) -> list[FrameProcessor]:
    """A branch with this voice, which hears of what is said if it is the chosen one."""

    async def passes(_frame: Frame) -> bool:
        return name == CHOSEN

    return [FunctionFilter(passes), usual.tts(name)]


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, usual.SPEAKS)
    branches = ParallelPipeline(voice("ash"), voice("ballad"))
    worker = usual.work(Pipeline([branches, transport.output()]), runner_args)

    async def greet() -> None:
        await worker.queue_frames([TTSSpeakFrame("Hello."), EndFrame()])

    await usual.run(worker, transport, runner_args, greet)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
