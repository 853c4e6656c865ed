"""What Pipecat's examples all do, and so do the bots here: services, and a worker run to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from pipecat.observers.base_observer import BaseObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner

SPEAKS: Final = {"webrtc": lambda: TransportParams(audio_out_enabled=True)}
TALKS: Final = {"webrtc": lambda: TransportParams(audio_in_enabled=True, audio_out_enabled=True)}


def tell(event: str) -> None:
    """Say what has happened, for the comparison."""
    print(f"EVENT {event}", flush=True)


def tts(voice: str = "ballad") -> OpenAITTSService:
    """A voice of OpenAI's."""
    return OpenAITTSService(api_key="none", settings=OpenAITTSService.Settings(voice=voice))


def chat(
    transport: BaseTransport,
    context: LLMContext,
    *,
    stt: FrameProcessor | None = None,
    user_params: LLMUserAggregatorParams | None = None,
) -> Pipeline:
    """The pipeline of most examples: it hears, thinks and speaks."""
    llm = OpenAILLMService(api_key="none", settings=OpenAILLMService.Settings(model="any"))
    user, assistant = LLMContextAggregatorPair(context, user_params=user_params)
    heard = [transport.input(), *([stt] if stt is not None else [])]
    return Pipeline([*heard, user, llm, tts(), transport.output(), assistant])


def work(
    pipeline: Pipeline, runner_args: RunnerArguments, observers: list[BaseObserver] | None = None
) -> PipelineWorker:
    """Its worker, with the runner's idle time-out."""
    idle = runner_args.pipeline_idle_timeout_secs
    return PipelineWorker(pipeline, idle_timeout_secs=idle, observers=observers)


async def run(
    worker: PipelineWorker,
    transport: BaseTransport,
    runner_args: RunnerArguments,
    connected: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Run it to its end; `connected` is what it does once its client is there."""

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_transport: BaseTransport, _client: Any) -> None:
        tell("connected")
        if connected is not None:
            await connected()

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport: BaseTransport, _client: Any) -> None:
        tell("disconnected")
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
    tell("ended")
