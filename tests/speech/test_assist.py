"""A Home Assistant's Assist pipeline as what answers, over its WebSocket API as that is documented."""

from __future__ import annotations

from typing import Any

import pytest
from pipecat.frames.frames import (
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext

from gateway.errors import ConfigError
from gateway.sections import HomeAssistant
from gateway.speech.assist import Asking, Assist
from gateway.speech.home_assistant import HomeTrouble
from tests.support.assist_server import TOKEN, house
from tests.support.pipelines import run_test

_ANSWER: list[type] = [LLMFullResponseStartFrame, LLMTextFrame, LLMFullResponseEndFrame]


def assist(url: str, *, token: str = TOKEN, pipeline: str | None = None, device: str | None = None) -> Assist:
    return Assist(HomeAssistant(url=url, pipeline=pipeline), {"HOME_ASSISTANT_TOKEN": token}, device)


async def test_a_conversation_goes_on_in_one_pipeline() -> None:
    async with house() as at:
        own = assist(at.url, pipeline="Friendly")
        assert await own.ask("turn on the light") == "You said turn on the light."
        assert await own.ask("and the other one") == "You said and the other one."
        await own.close()
    first, second = at.runs
    assert (first["start_stage"], first["end_stage"], first["pipeline"]) == ("intent", "intent", "01def")
    assert "conversation_id" not in first
    assert second["conversation_id"] == "c1"
    assert second["id"] > first["id"]
    assert len(at.sockets) == 1


async def test_without_a_name_it_is_the_pipeline_that_is_preferred_there() -> None:
    async with house() as at:
        own = assist(at.url)
        await own.ask("hello")
        await own.close()
    assert "pipeline" not in at.runs[0]


async def test_it_says_which_of_the_devices_there_speaks() -> None:
    async with house() as at:
        for name in ("kitchen", "cellar"):
            own = assist(at.url, device=name)
            await own.ask("turn on the light")
            await own.close()
        at.shows_devices = False
        own = assist(at.url, device="kitchen")
        assert await own.ask("turn on the light") == "You said turn on the light."
        await own.close()
    assert [run.get("device_id") for run in at.runs] == ["d3", None, None]


async def test_a_connection_that_was_lost_is_made_anew() -> None:
    async with house() as at:
        own = assist(at.url)
        await own.ask("hello")
        await at.sockets[0].close()
        assert await own.ask("are you there") == "You said are you there."
        await own.close()


async def test_what_is_left_of_a_run_that_failed_is_no_answer_to_the_next_question() -> None:
    async with house(fails=True) as at:
        own = assist(at.url, pipeline="Friendly")
        with pytest.raises(HomeTrouble, match="Unexpected error"):
            await own.ask("hello")
        at.fails = False
        assert await own.ask("are you there") == "You said are you there."
        await own.close()


@pytest.mark.parametrize(
    "odd",
    [
        *(
            [],
            "no",
            7,
            {"type": "event", "event": "said"},
            {"type": "event", "event": []},
            {"type": "result"},
        ),
        {"type": "event", "event": {"type": "error", "data": ["no"]}},
        {"type": "event", "event": {"type": "intent-end", "data": {"intent_output": []}}},
    ],
)
async def test_an_answer_that_is_none_is_an_error_of_ours(odd: Any) -> None:
    async with house(odd=odd) as at:
        own = assist(at.url)
        with pytest.raises(HomeTrouble):
            await own.ask("hello")
        await own.close()


async def test_what_goes_wrong_is_an_error_of_ours() -> None:
    async with house(fails=True) as at:
        own = assist(at.url)
        with pytest.raises(HomeTrouble, match="Unexpected error"):
            await own.ask("hello")
        await own.close()
        with pytest.raises(ConfigError, match="does not take this token"):
            await assist(at.url, token="wrong").check()
        with pytest.raises(ConfigError, match="no pipeline 'Rude'") as caught:
            await assist(at.url, pipeline="Rude").check()
        assert caught.value.remedy == "it has Friendly, Home"
        await assist(at.url, pipeline="Home").check()
    with pytest.raises(HomeTrouble, match="does not answer"):
        await assist("http://127.0.0.1:9").check()


@pytest.mark.parametrize(
    ("fails", "said"), [(False, "You said open the door."), (True, "I can't reach the smart home just now.")]
)
async def test_it_answers_in_a_pipeline_of_ours(fails: bool, said: str) -> None:
    async with house(fails=fails) as at:
        frame = LLMContextFrame(LLMContext([{"role": "user", "content": "open the door"}]))
        down, _ = await run_test(Asking(assist(at.url)), frames_to_send=[frame], expected_down_frames=_ANSWER)
    assert [f.text for f in down if isinstance(f, LLMTextFrame)] == [said]


async def test_what_was_half_heard_is_nobodys_business() -> None:
    async with house() as at:
        frame = LLMContextFrame(LLMContext([{"role": "user", "content": "[unclear] the door"}]))
        await run_test(Asking(assist(at.url)), frames_to_send=[frame], expected_down_frames=[])
    assert at.runs == []
