"""A bot that is your Home Assistant's Assist: heard and spoken here, and what it says is its own pipeline's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from loguru import logger
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import RunnerArguments

from gateway.bots import assistant
from gateway.bots.call import PIPELINE, device_name, gateway_settings, hold, open_transport
from gateway.environment import api_keys
from gateway.errors import ConfigError
from gateway.sections import HomeAssistant
from gateway.speech.assist import Asking, Assist
from gateway.speech.home_assistant import HomeTrouble


@asynccontextmanager
async def prepared(settings: object) -> AsyncIterator[None]:
    """What a worker process holds around all its calls: the engines, and a look at Home Assistant.

    Raises:
        ConfigError: something is missing or wrong.
    """
    own = assistant.configuration(settings)
    home = _home(own)
    await asyncio.to_thread(assistant.check, own.model_copy(update={"llm": None}), api_keys())
    try:
        await Assist(home, api_keys()).check()
        logger.info("Home Assistant's Assist answers at {}", home.url)
    except HomeTrouble as error:
        logger.warning("{}: nothing is answered until it does", error.message)
    async with assistant.warm(own):
        yield


def preload(settings: object) -> None:
    """Load what calls have in common into a process that will be forked for each."""
    assistant.preload(settings)


async def bot(runner_args: RunnerArguments) -> None:
    """Hold one call until it ends."""
    device = device_name(runner_args)
    settings = assistant.for_device(assistant.configuration(gateway_settings(runner_args)), device)
    transport = await open_transport(runner_args)
    asking = Asking(Assist(_home(settings), api_keys(), device))
    middle, after = await asyncio.to_thread(assistant.around, settings, api_keys(), [asking])
    worker = PipelineWorker(
        Pipeline([transport.input(), *middle, transport.output(), after]),
        params=PIPELINE,
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
    )
    await hold(runner_args, transport, worker)


def _home(settings: assistant.AssistantSettings) -> HomeAssistant:
    if settings.home_assistant is None:
        raise ConfigError(
            'bot "home_assistant" needs to know where that is', remedy="set [home_assistant] url"
        )
    return settings.home_assistant
