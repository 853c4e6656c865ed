"""In the manner of observability: an observer sees what is said, by whom."""

from __future__ import annotations

from pipecat.frames.frames import BotStartedSpeakingFrame, LLMFullResponseEndFrame, LLMFullResponseStartFrame
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.services.openai.llm import OpenAILLMService

from tests.unchanged.bots import usual


class Watches(BaseObserver):
    async def on_push_frame(self, data: FramePushed) -> None:
        wanted = LLMFullResponseStartFrame | LLMFullResponseEndFrame | BotStartedSpeakingFrame
        if isinstance(data.frame, wanted) and isinstance(data.source, OpenAILLMService):
            usual.tell(type(data.frame).__name__)


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, usual.TALKS)
    worker = usual.work(usual.chat(transport, LLMContext()), runner_args, [Watches()])
    await usual.run(worker, transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
