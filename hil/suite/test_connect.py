"""Connecting."""

from __future__ import annotations

import numpy as np
import pytest

from hil.board import Board
from hil.network import Link
from hil.path.proxy import Call
from hil.record.results import Measuring

pytestmark = pytest.mark.quick
_CALLS = 5


def test_it_is_in_a_call_soon_after_its_offer(live: Board, link: Link, measure: Measuring) -> None:
    for _ in range(_CALLS - 1):
        live.reconnect()
    live.until(lambda: len(_connected(link)) >= _CALLS - 1, "media in both directions")
    calls = _connected(link)
    measure("connect_ms", float(np.median([_took(link, call) for call in calls])))
    measure("answer_ms", float(np.median([(c.answered_at - c.offered_at) * 1000 for c in calls])))


@pytest.mark.witness
def test_the_offer_says_who_calls(live: Board, link: Link) -> None:
    device = link.calls[-1].device
    state = live.ask("state")
    told = {name: device.get(name) for name in ("id", "board", "fw", "reset_reason")}
    assert told == {
        "id": state["id"],
        "board": state["board"],
        "fw": state["fw"],
        "reset_reason": state["reset"],
    }


def test_the_two_clocks_are_compared(live: Board) -> None:
    live.until(lambda: bool(live.ask("figures")["clock_known"]), "the clock exchange")


def _took(link: Link, call: Call) -> float:
    first = min(p.at for p in link.trace.media("down") if p.call == call.number)
    return (first - call.offered_at) * 1000


def _connected(link: Link) -> list[Call]:
    heard = {p.call for p in link.trace.media("down")} & {p.call for p in link.trace.media("up")}
    return [call for call in link.calls if call.number in heard]
