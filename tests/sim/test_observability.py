"""What a call costs, seen from outside: a collector's traces and metrics, /metrics and the page's state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.support import does_demo
from tests.support.collector import Collector, Span, collecting
from tests.support.device import PLAIN, device
from tests.support.gateway import GatewayProcess, client, serving
from tests.support.waiting import eventually, until


@dataclass
class Seen:
    """A gateway after one question that a tool answered."""

    gateway: GatewayProcess
    collector: Collector


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(_built: None, tmp_path_factory: Any) -> AsyncIterator[Seen]:
    folder: Path = tmp_path_factory.mktemp("observed")
    async with AsyncExitStack() as stack:
        collector = stack.enter_context(collecting())
        model, _ = does_demo.start_model(stack, folder)
        options = {"model": "rules", "base_url": model}
        settings = {"bot": "assistant", "llm": {"provider": "openai", "options": options}}
        wished = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_METRIC_EXPORT_INTERVAL": "500"}
        gateway = await stack.enter_async_context(serving(folder / "gateway", settings, extra=wished))
        question = folder / "question.wav"
        does_demo.write(question, "turn on the light", after=6.0)  # once the device has told its figures
        async with device(
            folder / "device", "--mic", str(question), url=gateway.secure_url, plain=PLAIN.exists()
        ) as own:
            await own.live()
            await does_demo.answered(gateway, 0)
        await gateway.idle()
        yield Seen(gateway, collector)


async def trace(seen: Seen) -> list[Span]:
    await until(lambda: bool(seen.collector.traces()), "a trace has come")
    return seen.collector.traces()[0]


async def test_a_turn_is_one_trace_from_the_end_of_speech_to_the_speaker(seen: Seen) -> None:
    root, *steps = await trace(seen)
    assert root.name == "turn"
    assert root.resource["service.name"] == "voicegw"
    assert {step.parent for step in steps} == {root.id}
    stages = sorted((s for s in steps if "voicegw.stage" in s.attributes), key=lambda s: s.start)
    assert [s.attributes["voicegw.stage"] for s in stages] == [
        "turn",
        "transcript",
        "text",
        "audio",
        "packet",
        "speaker",
    ]
    assert stages[0].start == root.start
    assert all(a.end == b.start for a, b in pairwise(stages))
    assert root.end >= stages[-1].end


async def test_the_model_its_tokens_and_the_tool_are_in_it(seen: Seen) -> None:
    _, *steps = await trace(seen)
    named = {step.name: step for step in steps}
    assert named["execute_tool relay"].attributes["gen_ai.tool.name"] == "relay"
    assert not named["execute_tool relay"].failed
    model = named["model"].attributes
    assert model["gen_ai.request.model"] == "rules"
    assert model["gen_ai.usage.input_tokens"] == 2, "it was asked twice: for the tool, and for what to say"
    assert named["first audio"].attributes["voicegw.characters"] > 0


async def test_no_word_of_anybodys_is_sent(seen: Seen) -> None:
    for span in await trace(seen):
        assert "light" not in str(span.attributes), span
        assert "relay is on" not in str(span.attributes), span


async def test_the_collector_has_the_figures(seen: Seen) -> None:
    wanted = {"voicegw.turn.stage", "voicegw.bot.ttfb", "voicegw.bot.tokens", "voicegw.tool"}
    await until(lambda: wanted <= set(seen.collector.metrics), "the figures have come")
    tokens = {point["kind"]: point["value"] for point in seen.collector.metrics["voicegw.bot.tokens"]}
    assert tokens == {"prompt": 2, "completion": 2}
    [tool] = seen.collector.metrics["voicegw.tool"]
    assert (tool["tool"], tool["ok"], tool["count"]) == ("relay", True, 1)


async def test_prometheus_and_the_page_have_them_too(seen: Seen) -> None:
    async with client(seen.gateway.url) as http:
        text = (await http.get("/metrics")).text
        state = (await http.get("/api/state")).json()
    assert 'voicegw_bot_tokens_total{kind="prompt",model="rules",service="OpenAILLMService"} 2.0' in text
    assert 'voicegw_tool_seconds_count{ok="true",tool="relay"} 1.0' in text
    assert {row["service"] for row in state["services"]} >= {"OpenAILLMService", "LocalTTSService"}
    [tool] = state["tools"]
    assert (tool["name"], tool["ok"], tool["result"]) == ("relay", True, "the relay is on")


async def test_a_collector_in_trouble_costs_a_line_of_the_log(seen: Seen) -> None:
    before = seen.collector.asked
    seen.collector.refuses = True

    async def still_asked() -> bool:
        return seen.collector.asked > before + 1

    await eventually(still_asked, "it is asked again")
    assert (await seen.gateway.state())["version"]
    seen.collector.refuses = False
