"""Recovery."""

from __future__ import annotations

import time

import numpy as np
import pytest

from hil.board import Board
from hil.evidence import Evidence
from hil.gateway import Gateway
from hil.network import Link
from hil.record import trend
from hil.record.results import Measuring


def test_it_is_back_soon_after_its_gateway(live: Board, gateway: Gateway, measure: Measuring) -> None:
    since = live.console.mark()
    gateway.stop()
    live.failed("gateway_stopping", 10, since=since)
    gateway.start()
    listening = time.monotonic()
    live.live(60, since=since)
    measure("back_after_restart_s", time.monotonic() - listening)


def test_it_bears_a_gateway_whose_machine_dies(live: Board, gateway: Gateway, measure: Measuring) -> None:
    since = live.console.mark()
    gateway.die()
    live.console.wait(lambda e: "reason" in e, "it notices", 15, since=since)
    gateway.start()
    listening = time.monotonic()
    live.live(60, since=since)
    measure("back_after_kill_s", time.monotonic() - listening)


@pytest.mark.quick
def test_a_reset_in_a_call_leads_to_the_next(live: Board, link: Link, measure: Measuring) -> None:
    since = live.console.mark()
    calls = len(link.calls)
    began = time.monotonic()
    live.reset()
    live.live(30, since=since)
    measure("back_after_reset_s", time.monotonic() - began)
    assert len(link.calls) > calls


@pytest.mark.power
def test_power_lost_in_a_call_leads_to_the_next(live: Board) -> None:
    since = live.console.mark()
    live.power(False)
    time.sleep(1.0)
    live.power(True)
    live.live(30, since=since)


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(15, marks=(pytest.mark.quick, pytest.mark.witness)),
        pytest.param(100, marks=pytest.mark.timeout(600)),
    ],
)
def test_reconnects_leak_nothing(live: Board, measure: Measuring, count: int) -> None:
    for _ in range(3):
        live.reconnect()
    heap, took = [_heap(live)], []
    descriptors = live.descriptors()
    for _ in range(count):
        began = time.monotonic()
        live.reconnect()
        took.append(time.monotonic() - began)
        heap.append(_heap(live))
    measure.series("heap_free", "bytes", range(len(heap)), heap)
    slope = trend.slope(np.arange(len(heap)), heap)
    measure(
        "heap_per_reconnect",
        max(0.0, -slope),
        f"the heap falls by {-slope:,.0f} bytes with each call: a leak",
    )
    measure("reconnect_s", float(np.median(took)))
    if descriptors is not None:
        assert live.descriptors() == descriptors, "a descriptor is left open by each call"


def _heap(board: Board) -> int:
    return max(int(board.ask("figures")["heap_free"]) for _ in range(2))


def test_a_revoked_key_ends_the_call(board: Board, gateway: Gateway, evidence: Evidence) -> None:
    name = f"hil-{time.monotonic_ns()}"
    board.set(key=gateway.enrol(name))
    board.live()
    since = board.console.mark()
    gateway.revoke(name)
    board.failed("key_rejected", since=since)
    board.set(key="")
    board.until(
        lambda: "revoked" in gateway.log()[evidence.log_from :], "the gateway says why it ended the call"
    )
