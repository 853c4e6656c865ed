"""Turns as OpenTelemetry traces, and figures as its metrics, to where OTEL_* says (docs/observability.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from gateway import __version__
from gateway.environment import Otel
from gateway.errors import ConfigError
from gateway.front.costs import TIMES, SinceTurn
from ground import installing

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

FLUSH_MS: Final = 3_000
"""For what is not sent yet, when the gateway stops."""
_PACKAGES: Final = {
    False: "opentelemetry-exporter-otlp-proto-http>=1.30,<2",
    True: "opentelemetry-exporter-otlp-proto-grpc>=1.30,<2",
}
"""By whether it speaks gRPC; each brings the SDK along."""
_SPANS: Final = {
    "turn": "end of turn",
    "transcript": "transcript",
    "text": "model",
    "audio": "first audio",
    "packet": "first packet",
    "speaker": "on the speaker",
}
"""Of the stages of a turn, in their order."""
_TOKENS: Final = {
    "prompt_tokens": "gen_ai.usage.input_tokens",
    "completion_tokens": "gen_ai.usage.output_tokens",
}
Sessions = Callable[[], Iterable[dict[str, Any]]]


class Exporter:
    """Sends what it is told of.

    Args:
        wanted: what, by the environment.
        sessions: those that there are now.

    Raises:
        ConfigError: a package for it is not installed.
    """

    def __init__(self, wanted: Otel, sessions: Sessions) -> None:
        self._wanted = wanted
        self._sessions = sessions
        try:
            self._tracers = _tracers(wanted) if wanted.traces else None
            self._meters = _meters(wanted) if wanted.metrics else None
        except ImportError as error:
            raise ConfigError(
                f"OpenTelemetry is asked for by the environment (OTEL_*), and not installed: {error}",
                remedy=installing.line(_PACKAGES[wanted.grpc]),
            ) from error
        self._instruments = self._make_instruments() if self._meters else None

    async def close(self) -> None:
        """Send what waits, for a moment."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        if self._tracers is not None:
            self._tracers.force_flush(FLUSH_MS)
            self._tracers.shutdown()
        if self._meters is not None:
            self._meters.shutdown(timeout_millis=FLUSH_MS)

    # -- traces

    def turn(self, session: dict[str, Any], turn: dict[str, Any], during: SinceTurn) -> None:
        """A turn that is over: one trace."""
        if self._instruments is not None:
            for stage, value in turn["stages_ms"].items():
                if value is not None:
                    self._instruments["turn.stage"].record(value / 1000, {"stage": stage})
        if self._tracers is not None and turn.get("since") is not None:
            self._trace(session, turn, during)

    def _trace(self, session: dict[str, Any], turn: dict[str, Any], during: SinceTurn) -> None:
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415 -- an extra

        assert self._tracers is not None
        tracer = self._tracers.get_tracer("voicegw", __version__)
        at = _ns(turn["since"])
        root = tracer.start_span("turn", start_time=at, attributes=self._of_turn(session, turn))
        inside = set_span_in_context(root)
        for stage, name in _SPANS.items():
            took = turn["stages_ms"].get(stage)
            if took is None:
                continue
            end = at + int(took * 1e6)
            own = tracer.start_span(
                name, inside, start_time=at, attributes={"voicegw.stage": stage, **_of_stage(stage, during)}
            )
            own.end(end)
            at = end
        for tool in during.tools:
            self._tool(tracer, inside, tool)
        root.end(max([at, *(_ns(t["at"]) + int(t["ms"] * 1e6) for t in during.tools)]))

    def _tool(self, tracer: Any, inside: Any, tool: dict[str, Any]) -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 -- an extra

        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool["name"]}
        if self._wanted.content:
            attributes |= {
                "gen_ai.tool.call.arguments": tool["arguments"],
                "gen_ai.tool.call.result": tool["result"],
            }
        began = _ns(tool["at"])
        span = tracer.start_span(
            f"execute_tool {tool['name']}", inside, start_time=began, attributes=attributes
        )
        if not tool["ok"]:
            span.set_status(StatusCode.ERROR)
        span.end(began + int(tool["ms"] * 1e6))

    def _of_turn(self, session: dict[str, Any], turn: dict[str, Any]) -> dict[str, Any]:
        about = {
            "voicegw.session": turn["session"],
            "voicegw.device": turn.get("device"),
            "voicegw.bot": session.get("bot"),
            "voicegw.total_ms": turn["total_ms"],
        }
        if self._wanted.content:
            about |= {"voicegw.user": turn["user"], "voicegw.said": turn["bot"]}
        return {name: value for name, value in about.items() if value is not None}

    # -- metrics

    def _make_instruments(self) -> dict[str, Any]:
        assert self._meters is not None
        meter = self._meters.get_meter("voicegw", __version__)
        meter.create_observable_gauge(
            "voicegw.sessions", [self._count_sessions], description="Sessions by state"
        )
        named = {"turn.stage": "Each step of an answer after the one before"} | {
            f"bot.{kind}": f"Pipecat's {kind} of a bot's service" for kind in TIMES
        }
        times = {n: meter.create_histogram(f"voicegw.{n}", "s", about) for n, about in named.items()}
        times["tool"] = meter.create_histogram("voicegw.tool", "s", "Calls of tools by language models")
        sums = {
            "tokens": meter.create_counter("voicegw.bot.tokens", "{token}", "Of language models"),
            "characters": meter.create_counter("voicegw.bot.characters", "{character}", "Given to voices"),
            "audio_seconds": meter.create_counter("voicegw.bot.audio", "s", "Given to recognisers"),
        }
        return {**times, **sums}

    def _count_sessions(self, _options: CallbackOptions) -> Iterable[Observation]:
        from opentelemetry.metrics import Observation  # noqa: PLC0415 -- an extra

        states = [session.get("state", "") for session in self._sessions()]
        return [Observation(states.count(state), {"state": state}) for state in sorted(set(states))]

    def called(self, tool: dict[str, Any]) -> None:
        """A tool was called."""
        if self._instruments is not None:
            self._instruments["tool"].record(tool["ms"] / 1000, {"tool": tool["name"], "ok": tool["ok"]})

    def measured(self, items: list[dict[str, Any]]) -> None:
        """Services have measured this."""
        if self._instruments is None:
            return
        for item in items:
            who = {"service": item["service"], "model": item["model"]}
            kind, value = item["kind"], item["value"]
            if kind in TIMES:
                self._instruments[f"bot.{kind}"].record(value, who)
            elif kind in self._instruments:
                self._instruments[kind].add(value, who)
            else:
                self._instruments["tokens"].add(value, {**who, "kind": kind.removesuffix("_tokens")})


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


def _of_stage(stage: str, during: SinceTurn) -> dict[str, Any]:
    """What belongs to a step of what services have measured: the model's tokens, the voice's characters."""
    if stage == "speaker":
        return {"voicegw.estimated": True}  # half a round trip, and what the device says it holds back
    wanted = {"text": _TOKENS, "audio": {"characters": "voicegw.characters"}}.get(stage, {})
    found: dict[str, Any] = {}
    for item in during.measures:
        if (name := wanted.get(item["kind"])) is not None:
            found[name] = found.get(name, 0) + int(item["value"])
            found["voicegw.service"] = item["service"]
            if item["model"]:
                found["gen_ai.request.model"] = item["model"]
    return found


def _tracers(wanted: Otel) -> TracerProvider:
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 -- an extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    exporter = _exporter("trace_exporter", wanted)
    made = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(exporter.OTLPSpanExporter()))
    return made


def _meters(wanted: Otel) -> MeterProvider:
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 -- an extra
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415

    exporter = _exporter("metric_exporter", wanted)
    reader = PeriodicExportingMetricReader(exporter.OTLPMetricExporter())
    return MeterProvider([reader], resource=_resource(), shutdown_on_exit=False)


def _exporter(name: str, wanted: Otel) -> ModuleType:
    """The exporter of a signal, for the protocol that is wanted."""
    protocol = "grpc" if wanted.grpc else "http"
    return import_module(f"opentelemetry.exporter.otlp.proto.{protocol}.{name}")


def _resource() -> Any:
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 -- an extra

    own = {"service.name": "voicegw", "service.version": __version__}
    found = Resource.create()  # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
    named = not str(found.attributes.get("service.name", "")).startswith("unknown_service")
    return Resource(own).merge(found) if named else found.merge(Resource(own))
