"""What calls take of CPU and memory: while all speak, while nobody does, asleep, and in conversation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from bench import floor
from bench.asking import ANSWERED_SECONDS, asking
from bench.device import encode
from bench.running import Bench, rounded, span
from bench.servers import Kind, Server, Side

_EIGHT: Final = 8
_TALKING_EVERY: Final = 9.0
"""Seconds from one question to the next of who is in conversation: the answer is as long as the question, or longer."""


@dataclass(slots=True)
class Spent:
    """What a server took of CPU, looked at from time to time between a client's `begin` and `end`."""

    event: dict[str, Any] = field(default_factory=dict)
    sessions: int = 0
    rss_mb: float = 0.0
    first_rss_mb: float = 0.0
    _looks: list[tuple[float, dict[Kind, float]]] = field(default_factory=list)

    def by_kind(self) -> dict[Kind, float]:
        """CPU seconds a second and session."""
        return self._between(0, -1)

    def each(self) -> float:
        """The same of all kinds."""
        return sum(self.by_kind().values())

    def parts(self) -> list[float]:
        """The same of each part of the time."""
        return [sum(self._between(n, n + 1).values()) for n in range(len(self._looks) - 1)]

    def _between(self, first: int, last: int) -> dict[Kind, float]:
        (began, before), (ended, after) = self._looks[first], self._looks[last]
        return {kind: (after[kind] - before[kind]) / (ended - began) / self.sessions for kind in after}

    def look(self, when: float, cpu: dict[Kind, float]) -> None:
        """Take what was used until then."""
        self._looks.append((when, cpu))


def spent(server: Server, events: Iterable[dict[str, Any]]) -> Spent:
    """Look at a server's CPU whenever the client says so, and at its memory when all calls are there."""
    found = Spent()
    for event in events:
        if event["event"] == "first":
            found.first_rss_mb = server.rss_mb()
        if event["event"] == "begin":
            found.sessions = event["sessions"]
            found.rss_mb = server.rss_mb()  # at the end bots leave while it is added up
        if event["event"] in {"begin", "part", "end"}:
            found.look(time.monotonic(), server.cpu_by_kind())
        if event["event"] == "end":
            found.event = event
    return found


def cost(bench: Bench, side: Side) -> dict[str, Any]:
    """CPU time of a session's second, memory of a session, bytes of a packet, by number of sessions that ask."""
    runs: dict[str, Spent] = {}
    for sessions in bench.scale.sessions:
        with bench.serving(side) as server:
            runs[str(sessions)] = spent(server, bench.events(server, _steady(bench, sessions)))
    few, eight = runs["1"], runs[str(_EIGHT)]
    beside = {} if side == "baseline" else _kinds(bench, eight)
    return {
        "cpu_per_session_s": {name: rounded(run.each(), 4) for name, run in runs.items()},
        "carried": {name: run.sessions for name, run in runs.items()},
        "late": {name: rounded(run.event["late"], 4) for name, run in runs.items()},
        "payload_bytes": rounded(eight.event["payload_bytes"]),
        "rss_mb_per_session": rounded(_each(few.rss_mb, eight), 2),
        "rss_mb": rounded(few.rss_mb),
        **beside,
        "span": {f"cpu_per_session_s.{name}": span(run.parts(), 4) for name, run in runs.items()}
        | beside.get("span", {}),
    }


def _each(first_mb: float, many: Spent) -> float:
    """Memory of each call beside the first one."""
    return (many.rss_mb - first_mb) / ((many.sessions - 1) or float("nan"))


def _kinds(bench: Bench, eight: Spent) -> dict[str, Any]:
    """By kind of process, with eight; and media's part beside a C program that does no more than it must."""
    kinds = eight.by_kind()
    least = [
        floor.measured(encode(bench.reading.pcm), _EIGHT, bench.scale.steady_seconds / 4) for _ in range(3)
    ]
    middle = sorted(least)[1]
    return {
        "cpu_by_kind_s": {kind: rounded(value, 4) for kind, value in kinds.items()},
        "floor_cpu_s": rounded(middle, 5),
        "media_of_floor": rounded(kinds["media"] / middle, 2),
        "span": {"floor_cpu_s": span(least, 5)},
    }


def _steady(bench: Bench, sessions: int) -> dict[str, Any]:
    seconds = bench.scale.steady_seconds
    return {"kind": "steady", "sessions": sessions, "seconds": seconds, "speech": str(bench.speech)}


def idle(bench: Bench, side: Side) -> dict[str, Any]:
    """CPU time of a second of a call in a silent room, whose bot waits to be spoken to; memory of such a call."""
    with bench.serving(side, bot="listening") as server:
        found = spent(server, bench.events(server, _rooms(bench, side)))
    return {
        "idle_cpu_s": rounded(found.each(), 5),
        "assistant_rss_mb_per_session": rounded(_each(found.first_rss_mb, found), 2),
        "idle_carried": found.sessions,
        "idle_by_kind_s": {kind: rounded(value, 5) for kind, value in found.by_kind().items()},
        "span": {"idle_cpu_s": span(found.parts(), 5)},
    }


def asleep(bench: Bench, side: Side) -> dict[str, Any]:
    """The same of devices that wait for a wake word, which the baseline has not."""
    settings = {"VOICEGW_WAKE": json.dumps(["okay nabu"])}
    with bench.serving(side, bot="assistant", settings=settings) as server:
        found = spent(server, bench.events(server, _rooms(bench, side)))
    return {"asleep_cpu_s": rounded(found.each(), 5), "span": {"asleep_cpu_s": span(found.parts(), 5)}}


def assistant(bench: Bench, side: Side) -> dict[str, Any]:
    """The same where four of the eight ask something again and again, on both sides of the same assistant."""
    said = asking(bench.folder / "conversation.wav", every=_TALKING_EVERY)
    plan = _rooms(bench, side) | {"talking": _EIGHT // 2, "speech": str(said.path), "ends": said.ends}
    plan["seconds"] = max(plan["seconds"], 4 * _TALKING_EVERY)
    with bench.serving(side, bot="assistant") as server:
        found = spent(server, bench.events(server, plan))
    return {
        "assistant_cpu_s": rounded(found.each(), 5),
        "assistant_by_kind_s": {kind: rounded(value, 5) for kind, value in found.by_kind().items()},
        "assistant_answered": rounded(found.event["answered"], 3),
        "assistant_within_s": ANSWERED_SECONDS,
        "span": {"assistant_cpu_s": span(found.parts(), 5)},
    }


def _rooms(bench: Bench, side: Side) -> dict[str, Any]:
    return {
        "kind": "rooms",
        "sessions": _EIGHT,
        "seconds": bench.scale.steady_seconds,
        "dtx": side != "baseline",  # which Pipecat's transport takes for a client that is gone
    }
