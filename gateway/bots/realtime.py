"""The speech-to-speech bot: OpenAI Realtime or Gemini Live hears and answers; needs a key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.runner.types import RunnerArguments
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.bots.call import PIPELINE, gateway_settings, hold, open_transport
from gateway.environment import api_keys
from gateway.errors import ConfigError
from gateway.sections import EngineSpec
from gateway.speech import providers

_KEYS = {"openai": "OPENAI_API_KEY", "google": "GOOGLE_API_KEY"}


class RealtimeSettings(BaseModel):
    """What this bot takes from the gateway's settings. Without `realtime`, the key that is there decides."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    realtime: EngineSpec | None = None
    prompt: str = "You are a voice assistant on a small speaker. Answer in one or two short sentences."


def check(settings: RealtimeSettings, keys: Mapping[str, str]) -> None:
    """Find at start-up what would fail at the first call.

    Raises ConfigError where there is no key, or its engine isn't installed.
    """
    providers.check("realtime", choose(settings, keys), keys)


def choose(settings: RealtimeSettings, keys: Mapping[str, str]) -> EngineSpec:
    """The configured engine, else the first for which there is a key. Raises ConfigError for none."""
    if settings.realtime is not None:
        return settings.realtime
    for provider, variable in _KEYS.items():
        if keys.get(variable):
            return EngineSpec(provider=provider)
    raise ConfigError("the realtime bot needs a key", remedy=f"set {' or '.join(_KEYS.values())}")


def configuration(given: object) -> RealtimeSettings:
    """Those of the gateway's settings, else the defaults. Raises ConfigError where they aren't valid."""
    try:
        return RealtimeSettings.model_validate(given or {}, from_attributes=True)
    except ValidationError as error:
        raise ConfigError(f"the realtime bot's settings: {error.errors()[0]['msg']}") from error


@asynccontextmanager
async def prepared(settings: object) -> AsyncIterator[None]:
    """What a worker process holds around all its calls: nothing but the certainty that `settings` can work.

    Raises ConfigError where there is no key, or its engine isn't installed.
    """
    check(configuration(settings), api_keys())
    yield


async def bot(runner_args: RunnerArguments) -> None:
    """Hold one call until it ends: the signature that Pipecat's runner, and ours, call."""
    settings = configuration(gateway_settings(runner_args))
    spec = choose(settings, api_keys())
    transport = await open_transport(runner_args)
    llm = await asyncio.to_thread(providers.make_realtime, spec, api_keys(), prompt=settings.prompt)
    # The model hears the audio itself and decides on turns: the context only records them.
    context = LLMContext([{"role": "user", "content": "Say hello."}])
    aggregators = LLMContextAggregatorPair(context, realtime_service_mode=True)
    worker = PipelineWorker(
        Pipeline([transport.input(), aggregators.user(), llm, transport.output(), aggregators.assistant()]),
        params=PIPELINE,
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
    )

    async def greet() -> None:
        await worker.queue_frame(LLMRunFrame())  # without a first context these services answer nothing

    await hold(runner_args, transport, worker, connected=greet)
