"""Echo: a sound's way to the gateway and back."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from hil.board import Board
from hil.network import Link
from hil.path import traffic
from hil.record.results import Measuring

pytestmark = [pytest.mark.quick, pytest.mark.audio_out]
_PINGS = 3
_PING_MS = 400
_QUIET_SECONDS = 0.7  # before each ping, so that its first packet stands out
_LOOK_AHEAD_MS = 13.0  # 6.5 ms of Opus at each encoder (RFC 6716, section 2)
_WATCHED_SECONDS = 6.0


def test_the_round_trip_and_its_parts(live: Board, link: Link, measure: Measuring) -> None:
    time.sleep(1.0)  # the first second of a call fills buffers
    pings = [_ping(live, link) for _ in range(_PINGS)]
    known = [p for p in pings if p["round_trip_known"]]
    measure("echoes_missing", len(pings) - len(known), f"what was sent did not come back: {pings}")
    whole = float(np.median([p["round_trip_us"] for p in known])) / 1000
    gateway = float(np.nanmedian([p["turnaround_ms"] for p in pings]))
    board = max(0.0, whole - _LOOK_AHEAD_MS - gateway)
    measure.parts(
        "Echo, from the board's capture to its playback",
        [
            ("Opus's look-ahead", _LOOK_AHEAD_MS),
            ("network, gateway and bot", gateway),
            ("the board's buffers", board),
        ],
    )
    measure("echo_ms", whole)
    measure("turnaround_ms", gateway)


def _ping(board: Board, link: Link) -> dict[str, Any]:
    time.sleep(_QUIET_SECONDS)
    began = link.now() - _QUIET_SECONDS / 2
    board.ask(f"inject tone 700 {_PING_MS}")
    time.sleep(_PING_MS / 1000 + 0.5)
    heard = board.ask("capture")
    up, down = link.trace.media("up", began), link.trace.media("down", began)
    return {**heard, "turnaround_ms": traffic.turnaround(up, down)}


def test_a_tone_comes_back_clean(live: Board, measure: Measuring) -> None:
    live.ask("inject tone 1000")
    time.sleep(1.0)
    heard = live.hear(1.0)
    live.ask("inject off")
    measure("sound_percent", heard["sound_percent"], f"the tone does not come back: {heard}")
    measure("tone_error_hz", abs(heard["tone_mhz"] / 1000 - 1000), "the rates of capture and playback differ")
    measure("tone_percent", heard["tone_percent"], "noise or distortion beside the tone")
    measure("gaps", heard["gaps"], f"the longest is {heard['longest_gap_ms']} ms")


@pytest.mark.witness
def test_its_packets_are_evenly_paced_and_none_is_left_out(
    live: Board, link: Link, measure: Measuring
) -> None:
    live.ask("inject tone 700")  # silence is not sent
    time.sleep(1.0)
    began = link.now()
    time.sleep(_WATCHED_SECONDS)
    live.ask("inject off")
    up, down = link.trace.media("up", began), link.trace.media("down", began)
    expected, missing = traffic.missing(up)
    measure(
        "left_out_percent",
        100 * missing / max(expected, 1),
        f"the board left out {missing} of {expected} packets before they reached the network",
    )
    ppm = traffic.clock_ppm(up)
    measure(
        "clock_ppm", abs(ppm), f"its sound runs at {16_000 * (1 + ppm / 1e6):,.0f} Hz instead of 16,000 Hz"
    )
    bursts = 100 * traffic.bursts(down) / max(len(down), 1)
    measure("gateway_bursts_percent", bursts, "the gateway sends in bursts, which small boards drop")
    for way, packets in (("up", up), ("down", down)):
        at = [p.at - began for p in packets[1:]]
        measure.series(f"jitter_{way}", "ms", at, traffic.jitter(packets))
