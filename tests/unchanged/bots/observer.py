"""In the manner of observability: an observer sees what is said, by whom."""

from __future__ import annotations

from typing import Any

from pipecat.frames.frames import BotStartedSpeakingFrame, LLMFullResponseEndFrame, LLMFullResponseStartFrame
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
)
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner

PARAMS = {"webrtc": lambda: TransportParams(audio_in_enabled=True, audio_out_enabled=True)}


class Watches(BaseObserver):
    async def on_push_frame(self, data: FramePushed) -> None:
        wanted = LLMFullResponseStartFrame | LLMFullResponseEndFrame | BotStartedSpeakingFrame
        if isinstance(data.frame, wanted) and isinstance(data.source, OpenAILLMService):
            print(f"EVENT {type(data.frame).__name__}", flush=True)


async def run_bot(transport: BaseTransport, runner_args: RunnerArguments) -> None:
    llm = OpenAILLMService(api_key="none", settings=OpenAILLMService.Settings(model="any"))
    tts = OpenAITTSService(api_key="none", settings=OpenAITTSService.Settings(voice="ballad"))
    context = LLMContext()
    user, assistant = LLMContextAggregatorPair(context)
    pipeline = Pipeline([transport.input(), user, llm, tts, transport.output(), assistant])
    worker = PipelineWorker(pipeline, idle_timeout_secs=None, observers=[Watches()])

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_transport: BaseTransport, _client: Any) -> None:
        print("EVENT connected", flush=True)

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport: BaseTransport, _client: Any) -> None:
        print("EVENT disconnected", flush=True)
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
    print("EVENT ended", flush=True)


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, PARAMS)
    await run_bot(transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
