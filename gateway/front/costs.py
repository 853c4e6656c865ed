"""What bots cost, by service: time to the first byte, processing, tokens, characters; and calls of tools."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram

_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
TIMES: Final = ("ttfb", "processing")
"""In seconds; all else that is measured adds up."""
MOST_SERVICES: Final = 40
"""Of a service and its model each, and as many tools: what bots call them is their authors' choice."""
OTHERS: Final = "others"
KEPT: Final = 50
_KEPT_OF_A_TURN: Final = 60


@dataclass(slots=True)
class _Service:
    """What one service with one model has cost so far."""

    ttfb: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    processing: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, kind: str, value: float) -> None:
        if kind in TIMES:
            (self.ttfb if kind == "ttfb" else self.processing).append(value)
        else:
            self.sums[kind] = self.sums.get(kind, 0.0) + value

    def view(self) -> dict[str, Any]:
        return {
            "ttfb_ms": round(1000 * median(self.ttfb), 1) if self.ttfb else None,
            "processing_ms": round(1000 * median(self.processing), 1) if self.processing else None,
            **{kind: round(value, 1) for kind, value in self.sums.items()},
        }


@dataclass(slots=True)
class SinceTurn:
    """What was measured and done in a call since its last turn was over."""

    measures: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT_OF_A_TURN))
    tools: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT_OF_A_TURN))


class Costs:
    """Takes what bots measure; `registry` gets the figures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._services: dict[tuple[str, str], _Service] = {}
        self._tools: set[str] = set()
        self._since: dict[str, SinceTurn] = {}
        self._times = {
            kind: Histogram(
                f"voicegw_bot_{kind}_seconds",
                f"Pipecat's {kind} of a bot's service",
                ["service", "model"],
                buckets=_BUCKETS,
                registry=registry,
            )
            for kind in TIMES
        }
        self._tokens = Counter(
            "voicegw_bot_tokens", "Of language models", ["service", "model", "kind"], registry=registry
        )
        self._characters = Counter(
            "voicegw_bot_characters", "Given to voices", ["service", "model"], registry=registry
        )
        self._audio = Counter(
            "voicegw_bot_audio_seconds", "Given to recognisers", ["service", "model"], registry=registry
        )
        self._called = Histogram(
            "voicegw_tool_seconds",
            "Calls of tools by language models",
            ["tool", "ok"],
            buckets=_BUCKETS,
            registry=registry,
        )

    def measured(self, session_id: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Note what the services of a call have measured; gives it with names of which there are so many only."""
        since = self._since.setdefault(session_id, SinceTurn())
        noted = []
        for item in items:
            service, model = self._known(item["service"], item["model"])
            kind, value = item["kind"], item["value"]
            self._services[service, model].add(kind, value)
            noted.append({**item, "service": service, "model": model})
            if kind in TIMES:
                self._times[kind].labels(service, model).observe(value)
            elif kind == "characters":
                self._characters.labels(service, model).inc(value)
            elif kind == "audio_seconds":
                self._audio.labels(service, model).inc(value)
            else:
                self._tokens.labels(service, model, kind.removesuffix("_tokens")).inc(value)
        since.measures.extend(noted)
        return noted

    def called(self, session_id: str, tool: Mapping[str, Any]) -> dict[str, Any]:
        """Note a call of a tool; gives it likewise."""
        name = tool["name"]
        if name not in self._tools:
            name = name if len(self._tools) < MOST_SERVICES else OTHERS
            self._tools.add(name)
        self._called.labels(name, str(tool["ok"]).lower()).observe(tool["ms"] / 1000)
        noted = {**tool, "name": name}
        self._since.setdefault(session_id, SinceTurn()).tools.append(noted)
        return noted

    def turn(self, session_id: str) -> SinceTurn:
        """What belongs to the turn that is over now."""
        return self._since.pop(session_id, SinceTurn())

    def ended(self, session_id: str) -> None:
        """Forget what belongs to no turn."""
        self._since.pop(session_id, None)

    def describe(self) -> list[dict[str, Any]]:
        """A row for each service and model, for the page."""
        return list(self._rows())

    def _rows(self) -> Iterator[dict[str, Any]]:
        for (service, model), cost in sorted(self._services.items()):
            yield {"service": service, "model": model, **cost.view()}

    def _known(self, service: str, model: str) -> tuple[str, str]:
        if (service, model) not in self._services:
            if len(self._services) >= MOST_SERVICES:
                service, model = OTHERS, ""
            self._services.setdefault((service, model), _Service())
        return service, model
