"""Boot and version."""

from __future__ import annotations

import re
import time

import pytest

from hil.board import Board
from hil.record.results import Measuring
from hil.station import Station

pytestmark = pytest.mark.quick
_WATCHED_SECONDS = 2.0


@pytest.mark.gate
@pytest.mark.witness
def test_it_boots_once_and_stays_up(unpaired: Board, measure: Measuring) -> None:
    before = unpaired.ask("state")
    began = time.monotonic()
    time.sleep(_WATCHED_SECONDS)
    after = unpaired.ready()
    passed = (time.monotonic() - began) * 1000
    grown = after["uptime_ms"] - before["uptime_ms"]
    measure(
        "uptime_lag_ms",
        passed - grown,
        f"uptime went from {before['uptime_ms']} to {after['uptime_ms']} ms: it restarted",
    )
    measure("boots", unpaired.boots(), "a boot loop, or a brown-out at power-on")


def test_it_says_what_it_is(unpaired: Board, station: Station) -> None:
    state = unpaired.ask("state")
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", state["fw"]), f"no version: {state['fw']!r}"
    assert re.fullmatch(r"[0-9a-f]{12}", state["id"]), f"no identity: {state['id']!r}"
    assert state["board"] == station.board, (
        f"the board calls itself {state['board']!r}, not {station.board!r}"
    )


def test_its_reset_line_starts_it_anew(unpaired: Board) -> None:
    boots, uptime = unpaired.boots(), unpaired.ask("state")["uptime_ms"]
    unpaired.reset()
    later = unpaired.ready()["uptime_ms"]
    assert unpaired.boots() > boots or later < uptime, "its reset line does nothing"


def test_a_reboot_is_told_as_such(unpaired: Board) -> None:
    unpaired.ask("reboot")
    unpaired.until(lambda: unpaired.ready()["reset"] == "software", "it starts again, and says why")
