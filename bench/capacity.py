"""How much one core carries, and what becomes of those that are there when twice as many come."""

from __future__ import annotations

from typing import Any, Final

from bench.asking import asking
from bench.running import Bench, rounded
from bench.servers import Side
from bench.stalls import Stalls

_TALK: Final = 0.05
_LIMIT_SECONDS: Final = 30.0  # to be rid of all bots


def capacity(bench: Bench, side: Side) -> dict[str, Any]:
    """How many sessions one core carries with under 1 % of packets later than 20 ms.

    The server has core 0 to itself, the client core 1. The span is from the most that it carried to the fewest
    that were too many.
    """
    plan = {"kind": "ramp", "plateau": bench.scale.plateau_seconds, "speech": str(bench.speech)}
    found = _climbed(bench, side, plan, "sessions_per_core")
    bench.carries[side] = found["sessions_per_core"]
    return found


def capacity_asking(bench: Bench, side: Side) -> dict[str, Any]:
    """The same with the assistant, of devices that ask something a twentieth of the time, and are answered."""
    said = asking(bench.folder / "asking.wav", share=_TALK)
    plan = {
        "kind": "ramp_asking",
        "plateau": bench.scale.asking_seconds,
        "speech": str(said.path),
        "ends": said.ends,
        "dtx": side != "baseline",
    }
    return _climbed(bench, side, plan, "assistant_sessions_per_core", bot="assistant")


def _climbed(bench: Bench, side: Side, plan: dict[str, Any], key: str, **options: Any) -> dict[str, Any]:
    with bench.serving(side, core=0, **options) as server, Stalls(core=1) as stalls:
        events = list(
            bench.events(
                server, plan | {"first": bench.scale.ramp_from, "limit": bench.scale.ramp_limit}, core=1
            )
        )
    plateaus = [event for event in events if event["event"] == "plateau"]
    for plateau in plateaus:
        plateau["stall_ms"] = rounded(stalls.worst_ms(plateau["begin"], plateau["end"]))
    refused = [event for event in events if event["event"] == "refused"]
    most, fewest = carried(plateaus)
    return {
        key: most,
        f"{key}_plateaus": [*plateaus, *refused],
        f"{key}_stall_ms": max((plateau["stall_ms"] for plateau in plateaus), default=0.0),
        "span": {key: [most, fewest]},
    }


def carried(plateaus: list[dict[str, Any]]) -> tuple[int, int]:
    """The most sessions of which all was well, and the fewest above them that were tried."""
    most = max((plateau["sessions"] for plateau in plateaus if plateau["good"]), default=0)
    above = [plateau["sessions"] for plateau in plateaus if plateau["sessions"] > most]
    return most, min(above, default=most)


def overload(bench: Bench, side: Side) -> dict[str, Any]:
    """Twice as many devices as it carries, arriving in a minute, on one core: how the first half fares."""
    if side not in bench.carries:
        capacity(bench, side)
    count = 2 * max(1, bench.carries[side])
    plan = {"kind": "overload", "count": count, "seconds": bench.scale.arrive_seconds}
    crowd: dict[str, Any] = {}
    before, ended = 0, _LIMIT_SECONDS
    with bench.serving(side, core=0) as server:
        for event in bench.events(server, plan, core=1):
            if event["event"] == "begin":
                before = server.count() + 1  # a spare, which may just be forked
            if event["event"] == "left":
                ended = server.rests(before, _LIMIT_SECONDS)
            if event["event"] == "crowd":
                crowd = event
    return {
        "overload": {
            "devices": count,
            "worst_ms": rounded(crowd["worst_ms"]),
            "p99_ms": rounded(crowd["p99_ms"] or float("nan")),
            "lost": crowd["lost"] + crowd["failed_first"],
            "refused": rounded(crowd["refused"] / count, 3),
            "refused_first": crowd["refused_first"],
            "ended_s": rounded(ended),
        }
    }
