"""What reaches a collector, through OpenTelemetry's own exporter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway import environment
from gateway.environment import Otel
from gateway.errors import ConfigError
from gateway.front.costs import SinceTurn
from gateway.front.otel import Exporter
from tests.support.collector import Collector, Span, collecting

TURN: dict[str, Any] = {
    "session": "s1",
    "device": "kitchen",
    "at": 1_000_002.0,
    "since": 1_000_000.0,
    "user": "turn on the light",
    "bot": "It is on.",
    "stages_ms": {"turn": 200.0, "transcript": 50.0, "text": None, "audio": 100.0, "packet": 20.0},
    "total_ms": 370.0,
}
MEASURES = [
    {"service": "LLM", "model": "m", "kind": "ttfb", "value": 0.2},
    {"service": "LLM", "model": "m", "kind": "prompt_tokens", "value": 7.0},
    {"service": "TTS", "model": "", "kind": "characters", "value": 9.0},
]
TOOL = {"at": 1_000_000.3, "ms": 250.0, "name": "relay", "arguments": "{}", "result": "secret", "ok": False}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        yield found


async def sent(collector: Collector, *, content: bool = False) -> dict[str, Span]:
    """The spans of a turn, by name."""
    exporter = Exporter(Otel(True, True, False, content), lambda: [{"state": "live"}])
    during = SinceTurn()
    during.measures.extend(MEASURES)
    during.tools.append(TOOL)
    exporter.measured(MEASURES)
    exporter.called(TOOL)
    exporter.turn({"bot": "assistant"}, TURN, during)
    await exporter.close()
    return {span.name: span for span in collector.spans}


async def test_a_turn_is_a_trace_whose_steps_follow_each_other(collector: Collector) -> None:
    found = await sent(collector)
    assert list(found) == [
        "end of turn",
        "transcript",
        "first audio",
        "first packet",
        "execute_tool relay",
        "turn",
    ]
    root = found["turn"]
    assert root.start == 1_000_000 * 10**9
    assert (found["end of turn"].start, found["end of turn"].end) == (root.start, root.start + 200_000_000)
    assert found["transcript"].start == found["end of turn"].end
    assert found["first audio"].start == found["transcript"].end, "a step that nobody saw takes no time"
    assert root.end == found["execute_tool relay"].end
    assert {span.trace for span in found.values()} == {root.trace}
    assert root.attributes["voicegw.device"] == "kitchen"
    assert root.attributes["voicegw.bot"] == "assistant"
    assert found["execute_tool relay"].failed
    assert found["first audio"].attributes["voicegw.characters"] == 9


async def test_words_are_sent_only_where_that_is_wished(collector: Collector) -> None:
    told = str([span.attributes for span in (await sent(collector)).values()])
    assert "light" not in told
    assert "secret" not in told
    collector.spans.clear()
    found = await sent(collector, content=True)
    assert found["turn"].attributes["voicegw.user"] == "turn on the light"
    assert found["execute_tool relay"].attributes["gen_ai.tool.call.result"] == "secret"


async def test_figures_are_counted_when_they_are_measured(collector: Collector) -> None:
    await sent(collector)
    found = collector.metrics
    assert found["voicegw.bot.tokens"] == [{"service": "LLM", "model": "m", "kind": "prompt", "value": 7.0}]
    assert found["voicegw.bot.characters"][0]["value"] == 9.0
    assert found["voicegw.bot.ttfb"][0]["count"] == 1
    assert found["voicegw.tool"][0]["sum"] == 0.25
    assert {p["stage"] for p in found["voicegw.turn.stage"]} == {"turn", "transcript", "audio", "packet"}
    assert found["voicegw.sessions"] == [{"state": "live", "value": 1}]


def wished(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Otel | None:
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_{name}", value)
    return environment.otel()


def test_nothing_is_sent_unless_the_environment_names_where(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wished(monkeypatch) is None
    assert wished(monkeypatch, SERVICE_NAME="kitchen") is None
    assert wished(monkeypatch, EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") == Otel(True, True, False, False)
    assert wished(monkeypatch, SDK_DISABLED="true") is None


def test_each_signal_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = wished(monkeypatch, EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:9/v1/traces")
    assert found == Otel(True, False, False, False)
    found = wished(monkeypatch, EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", TRACES_EXPORTER="none")
    assert found == Otel(False, True, False, False)


@pytest.mark.parametrize("wrong", [{"TRACES_EXPORTER": "zipkin"}, {"EXPORTER_OTLP_PROTOCOL": "http/json"}])
def test_what_there_is_not_is_named(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="OTEL_"):
        wished(monkeypatch, EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", **wrong)


def test_a_package_that_is_missing_is_named_with_the_line_that_brings_it() -> None:
    with pytest.raises(ConfigError, match="not installed") as caught:
        Exporter(Otel(True, False, True, False), list)
    assert "opentelemetry-exporter-otlp-proto-grpc" in caught.value.remedy
