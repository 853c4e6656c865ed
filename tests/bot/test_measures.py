"""What is read off a pipeline's frames: Pipecat's own metrics, and calls of tools."""

from __future__ import annotations

from typing import Any

import pytest
from pipecat.frames.frames import (
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallResultProperties,
    MetricsFrame,
)
from pipecat.metrics.metrics import (
    LLMTokenUsage,
    LLMUsageMetricsData,
    MetricsData,
    ProcessingMetricsData,
    STTUsage,
    STTUsageMetricsData,
    TTFBMetricsData,
    TTSUsageMetricsData,
)

from gateway.bot.measures import OPEN, Measures
from gateway.wire import talk


class Call:
    """A call that is followed."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.tools: list[dict[str, Any]] = []
        self.measures = Measures(self.items.extend, self.tools.append)

    def measured(self, *data: MetricsData) -> dict[str, float]:
        """What comes of a frame of metrics, by kind."""
        frame = MetricsFrame(data=list(data))
        for _ in range(3):  # each processor on the way pushes it
            self.measures.frame(frame)
        talk.from_bot({"t": "measures", "items": self.items})
        return {item["kind"]: item["value"] for item in self.items}

    def begins(self, call_id: str = "1", name: str = "get_weather") -> None:
        self.measures.frame(FunctionCallInProgressFrame(name, call_id, {"place": "here"}))

    def ends(self, result: Any, call_id: str = "1", **more: Any) -> None:
        for _ in range(2):  # upstream and downstream
            self.measures.frame(FunctionCallResultFrame("get_weather", call_id, {}, result, **more))


def test_pipecats_metrics_are_told_by_service_and_model() -> None:
    call = Call()
    who = {"processor": "OpenAILLMService#3", "model": "rules"}
    used = LLMTokenUsage(prompt_tokens=7, completion_tokens=3, total_tokens=10, cache_read_input_tokens=5)
    found = call.measured(
        TTFBMetricsData(**who, value=0.2),
        ProcessingMetricsData(**who, value=0.5),
        LLMUsageMetricsData(**who, value=used),
        TTSUsageMetricsData(processor="LocalTTSService#0", value=12),
        STTUsageMetricsData(processor="SphinxSTTService#0", value=STTUsage(audio_seconds=1.5)),
    )
    assert found == {
        "ttfb": 0.2,
        "processing": 0.5,
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "cache_read_tokens": 5,
        "characters": 12,
        "audio_seconds": 1.5,
    }
    assert {(i["service"], i["model"]) for i in call.items} == {
        ("OpenAILLMService", "rules"),
        ("LocalTTSService", ""),
        ("SphinxSTTService", ""),
    }


def test_a_zero_is_no_measure() -> None:
    assert Call().measured(TTFBMetricsData(processor="x#0", value=0.0)) == {}


@pytest.mark.parametrize("value", [-0.2, float("nan"), float("inf"), 1e13])
def test_what_can_have_been_measured_by_no_clock_is_no_measure(value: float) -> None:
    assert Call().measured(TTFBMetricsData(processor="x", value=value)) == {}


def test_a_tools_half_characters_can_be_told() -> None:
    call = Call()
    call.begins(name="lights")
    call.ends({"said": "\ud83d"})
    call.ends("\ude00")
    for told in call.tools:
        talk.from_bot({"t": "tool", **told})
    assert [told["result"] for told in call.tools] == ['{"said": "?"}']


def test_a_call_of_a_tool_is_told_once_it_is_over() -> None:
    call = Call()
    call.begins()
    assert call.tools == []
    call.ends({"text": "sunny"})
    [tool] = call.tools
    assert (tool["name"], tool["arguments"], tool["result"], tool["ok"]) == (
        "get_weather",
        '{"place": "here"}',
        '{"text": "sunny"}',
        True,
    )
    talk.from_bot({"t": "tool", **tool})


def test_a_tool_that_failed_or_was_cancelled_is_told_as_such() -> None:
    call = Call()
    call.begins("1")
    call.ends({"error": "no station"}, "1")
    call.begins("2")
    call.ends("sorry", "2", error="RuntimeError")
    call.begins("3")
    call.measures.frame(FunctionCallCancelFrame("get_weather", "3"))
    assert [tool["ok"] for tool in call.tools] == [False, False, False]


def test_a_result_that_goes_on_is_not_the_end() -> None:
    call = Call()
    call.begins()
    call.ends("half", properties=FunctionCallResultProperties(is_final=False))
    assert call.tools == []
    call.ends("all of it")
    assert [tool["result"] for tool in call.tools] == ["all of it"]


def test_what_is_long_is_cut_and_what_never_ends_is_bounded() -> None:
    call = Call()
    call.begins()
    call.ends("x" * 10_000)
    talk.from_bot({"t": "tool", **call.tools[0]})
    for number in range(2 * OPEN):
        call.begins(f"open-{number}")
    assert len(call.measures._open) == OPEN
