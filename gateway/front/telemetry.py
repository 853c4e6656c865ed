"""What the front process knows of all calls: the page's state, its stream of events, and Prometheus's figures."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, Final, get_args

from loguru import logger
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gateway.environment import Otel
from gateway.front.costs import OTHERS, Costs
from gateway.front.otel import Exporter
from gateway.wire import talk
from gateway.wire.calls import SessionEvent
from gateway.wire.messages import FIGURES

KEPT_TURNS: Final = 50
KEPT_TRANSCRIPTS: Final = 200
KEPT_REPORTS: Final = 50
KEPT_TOOLS: Final = 100
MOST_REASONS: Final = 40
"""Of a call's end."""
_BACKLOG: Final = 256
"""Events that a slow page may lag behind before it is cut off and must fetch the state again."""
_STAGES: Final = frozenset(get_args(talk.Stage))
_MEDIA: Final = ("rtt_ms", "jitter_ms", "loss", "delay_ms", "far_jitter_ms", "far_loss")
_HOST: Final = {
    "headroom": "The share of what a host can carry that is left",
    "sessions": "Sessions of a host",
    "cpu": "The share of a host's CPUs that is in use",
    "lag_ms": "How late a host's event loop is",
}
_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0)

Event = tuple[str, dict[str, Any]]


class Telemetry:
    """Takes every session event; owned by the front process.

    Args:
        otel: what is sent to a collector, if anything.

    Raises:
        ConfigError: a package for that is not installed.
    """

    def __init__(self, otel: Otel | None = None) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.turns: deque[dict[str, Any]] = deque(maxlen=KEPT_TURNS)
        self.transcripts: deque[dict[str, Any]] = deque(maxlen=KEPT_TRANSCRIPTS)
        self.reports: deque[dict[str, Any]] = deque(maxlen=KEPT_REPORTS)
        self.started_at = time.time()
        self.tell: Callable[[str, dict[str, Any]], None] = lambda _kind, _data: None
        """Tells other fronts."""
        self._subscribers: set[asyncio.Queue[Event | None]] = set()
        self._registry = CollectorRegistry()
        self.costs = Costs(self._registry)
        self.tools: deque[dict[str, Any]] = deque(maxlen=KEPT_TOOLS)
        self._exporter = Exporter(otel, self._now) if otel is not None else None
        self._live = Gauge("voicegw_sessions", "Sessions by state", ["state"], registry=self._registry)
        self._ended = Counter(
            "voicegw_sessions_ended", "Ended, by reason", ["reason"], registry=self._registry
        )
        self._reasons: set[str] = set()
        self._load = Gauge(
            "voicegw_load", "How full a media process is; 1 is full", ["worker"], registry=self._registry
        )
        self._offers = Counter("voicegw_offers", "Offers by outcome", ["outcome"], registry=self._registry)
        self._stages = Histogram(
            "voicegw_turn_stage_seconds",
            "Each step of an answer after the one before",
            ["stage"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._hosts = {
            name: Gauge(f"voicegw_host_{name}", text, ["host"], registry=self._registry)
            for name, text in _HOST.items()
        }
        self._media = {
            name: Gauge(f"voicegw_media_{name}", f"{name} of a session", ["session"], registry=self._registry)
            for name in _MEDIA
        }
        self._figures = {
            name: Gauge(
                f"voicegw_device_{name}",
                f"{name} that a device reports",
                ["session"],
                registry=self._registry,
            )
            for name in FIGURES
        }

    def take(self, worker: int, event: SessionEvent) -> None:
        """Note an event of a session that lives in this worker, and tell the pages."""
        data = {**event.data, "worker": worker} if event.kind == "session" else event.data
        match event.kind:
            case "session":
                self._note_session(event.session_id, data)
            case "ended":
                data = {**data, "session": event.session_id}
                self._note_end(event.session_id, data["reason"])
            case "turn":
                data = self._note_turn(event.session_id, data)
            case "measures":
                self._note_measures(event.session_id, data["items"])
                return
            case "tool":
                self._note_tool(event.session_id, data)
            case "transcript" if data["final"]:
                self.transcripts.append(data)
            case "report":
                self._note_report(data)
        self.show(event.kind, data)

    def _note_session(self, session_id: str, data: dict[str, Any]) -> None:
        self.sessions[session_id] = data
        for figures, gauges in ((data["media"], self._media), (data.get("figures"), self._figures)):
            for name, value in (figures or {}).items():
                if value is not None and name in gauges:
                    gauges[name].labels(session_id).set(value)

    def _now(self) -> Iterable[dict[str, Any]]:
        return self.sessions.values()

    def _note_turn(self, session_id: str, data: dict[str, Any]) -> dict[str, Any]:
        session = self.sessions.get(session_id, {})
        known = {stage: value for stage, value in data["stages_ms"].items() if stage in _STAGES}
        data = {**data, "stages_ms": known}  # a host of another version may tell of others
        if (late := on_speaker(session)) is not None:
            data = {**data, "stages_ms": {**data["stages_ms"], "speaker": late}}
        self.turns.append(data)
        for stage, value in data["stages_ms"].items():
            if value is not None:
                self._stages.labels(stage).observe(value / 1000)
        during = self.costs.turn(session_id)
        if self._exporter is not None:
            self._exporter.turn(session, data, during)
        return data

    def _note_measures(self, session_id: str, items: list[dict[str, Any]]) -> None:
        noted = self.costs.measured(session_id, items)
        if self._exporter is not None:
            self._exporter.measured(noted)
        self.publish("costs", {"services": self.costs.describe()})

    def _note_tool(self, session_id: str, data: dict[str, Any]) -> None:
        self.tools.append(data)
        noted = self.costs.called(session_id, data)
        if self._exporter is not None:
            self._exporter.called(noted)

    def _note_report(self, data: dict[str, Any]) -> None:
        self.reports.append(data)
        who = data["device"] or data["session"]
        own = logger.bind(session=data["session"])
        if data["kind"] == "crash":
            own.warning("{} crashed before this call: {}", who, data["data"].get("text"))
        elif data["kind"] == "update":
            own.info("{} updates itself: {}", who, data["data"])

    def _note_end(self, session_id: str, reason: str) -> None:
        self.sessions.pop(session_id, None)
        self.costs.ended(session_id)
        if reason not in self._reasons and len(self._reasons) >= MOST_REASONS:
            reason = OTHERS  # figures are kept for ever, and hosts say why
        self._reasons.add(reason)
        self._ended.labels(reason).inc()
        for gauge in (*self._media.values(), *self._figures.values()):
            with contextlib.suppress(KeyError):  # never reported
                gauge.remove(session_id)

    def count_offer(self, outcome: str) -> None:
        """Count an answered or refused offer; `outcome` is `answered` or an error's code."""
        self._offers.labels(outcome).inc()

    def publish(self, kind: str, data: dict[str, Any]) -> None:
        """Send an event of this front to every page, and to the other fronts'."""
        self.tell(kind, data)
        self.show(kind, data)

    def show(self, kind: str, data: dict[str, Any]) -> None:
        """Send an event to every page here; a page that lags too far behind is cut off."""
        for queue in tuple(self._subscribers):
            try:
                queue.put_nowait((kind, data))
            except asyncio.QueueFull:
                self._subscribers.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)

    async def events(self) -> AsyncIterator[Event]:
        """All events from now on; ends when the reader lags too far behind or the gateway stops."""
        with self.listening() as queue:
            while (event := await queue.get()) is not None:
                yield event

    @contextlib.contextmanager
    def listening(self) -> Iterator[asyncio.Queue[Event | None]]:
        """A queue that all events come into meanwhile; `None` is the last, as `events` ends."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_BACKLOG)
        self._subscribers.add(queue)
        try:
            yield queue
        finally:
            self._subscribers.discard(queue)

    async def close(self) -> None:
        """Send to the collector what waits to be sent."""
        if self._exporter is not None:
            await self._exporter.close()

    def stop(self) -> None:
        """End every stream of events."""
        for queue in self._subscribers:
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)
        self._subscribers.clear()

    def metrics(self, workers: Iterable[Mapping[str, Any]] = ()) -> bytes:
        """All figures in Prometheus's text format; `workers` as they are now (`Workers.state`)."""
        for gauge in (self._load, *self._hosts.values()):
            gauge.clear()  # of one that is gone nothing is told
        for worker in workers:
            self._load.labels(worker["worker"]).set(worker["load"])
            for name, gauge in self._hosts.items():
                if name in worker and "host" in worker:
                    gauge.labels(worker["worker"]).set(worker[name])
        states = [s["state"] for s in self.sessions.values()]
        for state in ("negotiating", "connecting", "live", "away", "closing"):
            self._live.labels(state).set(states.count(state))
        return generate_latest(self._registry)


def on_speaker(session: dict[str, Any]) -> float | None:
    """How long after its packet a sound is heard, in milliseconds, as far as a device tells.

    Half a round trip, and what its playout holds back.
    """
    held = (session.get("figures") or {}).get("playout_us")
    trip = (session.get("media") or {}).get("rtt_ms")
    return None if held is None or trip is None else round(trip / 2 + held / 1000, 1)
