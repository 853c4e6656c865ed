"""A language model that streams: what it says begins with its first sentence, and ends when somebody speaks over it."""

from __future__ import annotations

import asyncio

import pytest
from loguru import logger
from pipecat.frames.frames import InterruptionFrame, LLMMessagesAppendFrame

from gateway.bots.assistant import AssistantSettings
from gateway.sections import EngineSpec
from gateway.speech import local_models
from tests.bots.calling import Gateway, Model, calling, soon
from tests.support import cache
from tests.support.model import STORY
from tests.support.waiting import until


def settings_of(found: Model, name: str = "rules") -> AssistantSettings:
    llm = EngineSpec(provider="openai", options={"model": name, "base_url": found.url})
    return AssistantSettings(llm=llm, cache_dir=cache.folder())


async def test_the_first_sentence_is_spoken_while_the_model_goes_on_and_barge_in_ends_it(
    model: Model,
) -> None:
    async with calling(settings_of(model), Gateway()) as call:
        asked = LLMMessagesAppendFrame([{"role": "user", "content": "tell me a story"}], run_llm=True)
        await call.worker.queue_frame(asked)
        assert await soon(call.output.said) == STORY
        assert "stopped" not in model.log.read_text(), "it is telling on"
        await call.worker.queue_frame(InterruptionFrame())
        await until(lambda: "stopped" in model.log.read_text(), "the model is told nothing more is wanted")


@pytest.mark.parametrize(
    ("name", "said"), [("rules", "answers at"), ("llama9", "has no llama9; it has rules")]
)
async def test_start_up_looks_whether_the_model_is_there(model: Model, name: str, said: str) -> None:
    assert said in await looked(settings_of(model, name).llm)


async def test_start_up_names_a_server_that_does_not_answer() -> None:
    nowhere = EngineSpec(provider="ollama", options={"model": "m", "base_url": "http://127.0.0.1:9/v1"})
    assert "does not answer" in await looked(nowhere)


async def looked(spec: EngineSpec | None) -> str:
    """What the log says of a look."""
    assert spec is not None
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    try:
        await asyncio.wait_for(local_models.look(spec), 30)
    finally:
        logger.remove(sink)
    return " ".join(lines)
