"""What bots cost, by service: on the page and in /metrics, whatever they call themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from gateway.front.costs import MOST_SERVICES
from gateway.front.telemetry import KEPT_TOOLS, Telemetry, on_speaker
from gateway.wire.calls import SessionEvent
from tests.front.test_telemetry import TURN, metrics, session

ROOT = Path(__file__).parents[2]


def measures(*items: tuple[str, float], service: str = "LLM", model: str = "m") -> SessionEvent:
    found = [{"service": service, "model": model, "kind": kind, "value": value} for kind, value in items]
    return SessionEvent(
        kind="measures", session_id="s1", data={"session": "s1", "device": None, "items": found}
    )


def tool(name: str = "get_weather", *, ok: bool = True) -> SessionEvent:
    data = {"session": "s1", "device": "kitchen", "at": 1.0, "name": name, "arguments": "{}", "result": "x"}
    return SessionEvent(kind="tool", session_id="s1", data={**data, "ok": ok, "ms": 250.0})


def test_what_is_used_adds_up_and_times_have_a_median() -> None:
    telemetry = Telemetry()
    for ttfb in (0.1, 0.3, 0.2):
        telemetry.take(0, measures(("ttfb", ttfb), ("prompt_tokens", 7), ("completion_tokens", 3)))
    telemetry.take(0, measures(("characters", 12), service="TTS", model=""))
    [llm, tts] = telemetry.costs.describe()
    assert (llm["ttfb_ms"], llm["prompt_tokens"], llm["completion_tokens"]) == (200.0, 21, 9)
    assert (tts["ttfb_ms"], tts["characters"]) == (None, 12)
    found = metrics(telemetry)
    assert found['voicegw_bot_tokens_total{kind="prompt",model="m",service="LLM"}'] == 21
    assert found['voicegw_bot_characters_total{model="",service="TTS"}'] == 12
    assert found['voicegw_bot_ttfb_seconds_count{model="m",service="LLM"}'] == 3


def test_calls_of_tools_are_kept_counted_and_told() -> None:
    telemetry = Telemetry()
    with telemetry.listening() as queue:
        telemetry.take(0, tool())
        telemetry.take(0, tool(ok=False))
        assert queue.get_nowait() == ("tool", telemetry.tools[0])
    found = metrics(telemetry)
    assert found['voicegw_tool_seconds_count{ok="true",tool="get_weather"}'] == 1
    assert found['voicegw_tool_seconds_count{ok="false",tool="get_weather"}'] == 1
    for _ in range(KEPT_TOOLS + 5):
        telemetry.take(0, tool())
    assert len(telemetry.tools) == KEPT_TOOLS


def test_names_that_never_end_do_not_fill_the_figures() -> None:
    telemetry = Telemetry()
    for number in range(200):
        telemetry.take(0, measures(("ttfb", 0.1), service=f"s{number}"))
        telemetry.take(0, tool(f"t{number}"))
    assert len(telemetry.costs.describe()) == MOST_SERVICES + 1
    names = {line.split('tool="')[1] for line in metrics(telemetry) if "tool_seconds_count" in line}
    assert len(names) == MOST_SERVICES + 1


def test_a_turn_ends_at_the_devices_speaker_where_that_is_known() -> None:
    known: dict[str, Any] = {"figures": {"playout_us": 60_000}, "media": {"rtt_ms": 10.0}}
    assert on_speaker(known) == 65.0
    assert on_speaker({"figures": None, "media": None}) is None
    telemetry = Telemetry()
    event = session(media={"rtt_ms": 10.0})
    telemetry.take(0, event.model_copy(update={"data": {**event.data, "figures": {"playout_us": 60_000}}}))
    telemetry.take(0, SessionEvent(kind="turn", session_id="s1", data=TURN))
    assert telemetry.turns[0]["stages_ms"]["speaker"] == 65.0


def test_what_was_measured_belongs_to_the_turn_in_which_it_was() -> None:
    telemetry = Telemetry()
    telemetry.take(0, measures(("ttfb", 0.1)))
    telemetry.take(0, tool())
    during = telemetry.costs.turn("s1")
    assert (len(during.measures), len(during.tools)) == (1, 1)
    assert not telemetry.costs.turn("s1").measures
    telemetry.take(0, tool())
    telemetry.take(0, SessionEvent(kind="ended", session_id="s1", data={"reason": "client_left"}))
    assert not telemetry.costs.turn("s1").tools


def test_the_dashboard_asks_for_figures_that_there_are() -> None:
    board = json.loads((ROOT / "docs" / "grafana" / "voicegw.json").read_text())
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"voicegw_\w+", target["expr"])
    }
    told = Telemetry().metrics().decode()
    families = set(re.findall(r"^# TYPE (\S+)", told, re.MULTILINE))
    there = families | {f"{name}{end}" for name in families for end in ("_bucket", "_count", "_sum")}
    assert asked
    assert asked <= there
    described = (ROOT / "docs" / "observability.md").read_text()
    prefixes = {"voicegw_media", "voicegw_device"}
    assert set(re.findall(r"`(voicegw_\w+[a-z])", described)) - prefixes <= there
