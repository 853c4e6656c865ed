"""In the manner of voice: it greets, hears, thinks and answers."""

from __future__ import annotations

from typing import Any

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import LLMRunFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.services.openai.stt import OpenAISTTService

from tests.unchanged.bots import usual


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, usual.TALKS)
    context = LLMContext()
    hears = LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    pipeline = usual.chat(transport, context, stt=OpenAISTTService(api_key="none"), user_params=hears)
    worker = usual.work(pipeline, runner_args)

    @worker.rtvi.event_handler("on_client_ready")
    async def on_client_ready(_rtvi: Any) -> None:
        context.add_message({"role": "developer", "content": "Please introduce yourself."})
        await worker.queue_frames([LLMRunFrame()])

    await usual.run(worker, transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
