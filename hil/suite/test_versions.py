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
    updatable: Board, gateway: Gateway, link: Link, release: Callable[..., Path], version: str
) -> None:
    gateway.offer_release(release(version))
    calls = len(link.calls)
    gateway.update(updatable.ask("state")["id"], version, older=True)
    updatable.until(lambda: len(link.calls) > calls, "it calls with that version", 120)
    assert link.calls[-1].device["fw"] == version
    updatable.live()
    updatable.ask("inject tone 500")
    time.sleep(2.0)
    heard = updatable.ask("capture")
    assert heard["sound_percent"] > 50, f"no echo: {heard}"
