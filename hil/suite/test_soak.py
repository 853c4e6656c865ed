"""A long call."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from hil.board import Board
from hil.network import Link
from hil.path import traffic
from hil.path.trace import Packet
from hil.record import trend
from hil.record.results import Measuring
from hil.station import Station

pytestmark = [pytest.mark.soak, pytest.mark.audio_out, pytest.mark.timeout(0)]
_EVERY_SECONDS = 5.0
_ENOUGH = 3  # rows for a slope
Row = dict[str, Any]
_WARM_SECONDS = 10.0  # before the first figure counts


def test_nothing_grows_or_wears(live: Board, link: Link, station: Station, measure: Measuring) -> None:
    since = live.console.mark()
    time.sleep(min(_WARM_SECONDS, station.soak_seconds / 4))
    began = link.now()
    resident, descriptors = live.resident_kb(), live.descriptors()
    rows: list[Row] = []
    while link.now() - began < station.soak_seconds:
        live.ask("inject tone 600 500")
        time.sleep(_EVERY_SECONDS)
        rows.append({**live.ask("capture"), **live.ask("figures"), "at": link.now() - began})
    _judge_memory(measure, rows)
    _judge_sound(measure, rows)
    _judge_packets(measure, link.trace.media("up", began))
    if resident is not None and descriptors is not None:
        measure("soak_resident_kb", (live.resident_kb() or 0) - resident, "the process grows")
        measure("soak_descriptors", (live.descriptors() or 0) - descriptors, "descriptors are left open")
    left = [e for e in live.console.events[since:] if e.get("event") == "state"]
    assert not left, f"the call broke: {left}"


def _judge_memory(measure: Measuring, rows: list[Row]) -> None:
    at, heap = [r["at"] for r in rows], [r["heap_free"] for r in rows]
    measure.series("heap_free", "bytes", at, heap)
    if len(rows) > _ENOUGH:
        fall = -60 * trend.slope(at, heap)
        measure(
            "soak_heap_per_minute", max(0.0, fall), f"the heap falls by {fall:,.0f} bytes a minute: a leak"
        )
    if rows[-1].get("stack_least"):  # 0 where the board does not know
        measure("soak_stack_least", rows[-1]["stack_least"], "a task's stack is nearly used up")


def _judge_sound(measure: Measuring, rows: list[Row]) -> None:
    known = [r for r in rows if r["round_trip_known"]]
    echoes = [r["round_trip_us"] / 1000 for r in known]
    measure.series("echo_ms", "ms", [r["at"] for r in known], echoes)
    measure.series("playout_ms", "ms", [r["at"] for r in rows], [r["playout_us"] / 1000 for r in rows])
    measure("soak_echoes_missing_percent", 100 * (1 - len(known) / len(rows)), "sounds did not come back")
    measure("soak_echo_ms", float(np.median(echoes)) if echoes else float("nan"))


def _judge_packets(measure: Measuring, up: list[Packet]) -> None:
    expected, missing = traffic.missing(up)
    measure("soak_left_out_percent", 100 * missing / max(expected, 1), "the board left out packets")
    measure("soak_clock_ppm", abs(traffic.clock_ppm(up)), "its sampling clock is off")
