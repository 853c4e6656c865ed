"""Firmware older and newer than the gateway."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.board import Board
from hil.gateway import Gateway
from hil.network import Link

pytestmark = [pytest.mark.ota, pytest.mark.audio_out]


@pytest.mark.parametrize("version", ["0.0.1", "99.0.0"])
def test_it_talks_to_this_gateway(
    live: Board, gateway: Gateway, link: Link, release: Callable[..., Path], version: str
) -> None:
    gateway.offer_release(release(version))
    live.ask("settings set update any")
    live.live()
    live.console.wait(lambda e: e["event"] == "bot_ready", "the data channel")
    calls = len(link.calls)
    gateway.update(live.ask("state")["id"], version)
    live.until(lambda: len(link.calls) > calls, "it calls with that version", 120)
    assert link.calls[-1].device["fw"] == version
    live.live()
    live.ask("inject tone 500")
    time.sleep(2.0)
    heard = live.ask("capture")
    assert heard["sound_percent"] > 50, f"no echo: {heard}"
