"""Wi-Fi or Ethernet."""

from __future__ import annotations

import time

import pytest

from hil.board import Board
from hil.record.results import Measuring

_BEYOND = {"discovery", "signalling", "connecting", "live"}


def test_it_is_on_the_network_soon_after_a_reset(board: Board, measure: Measuring) -> None:
    board.reset()
    began = time.monotonic()
    board.until(lambda: board.ready()["state"] in _BEYOND, "it gets past its network", 60)
    measure("network_up_s", time.monotonic() - began, f"last failure: {board.ask('state')['last_failure']}")


@pytest.mark.wifi
def test_its_radio_hears_the_access_point(live: Board, measure: Measuring) -> None:
    measure("rssi_dbm", live.ask("figures")["rssi"], "too far from the access point, or no aerial")
