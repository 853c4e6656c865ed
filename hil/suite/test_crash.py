"""Crashes."""

from __future__ import annotations

import pytest

from hil.board import Board
from hil.gateway import Gateway
from hil.network import Link

pytestmark = pytest.mark.panic


def test_a_crash_is_told_at_the_next_call(live: Board, gateway: Gateway, link: Link) -> None:
    calls = len(link.calls)
    report = live.panic()
    live.until(lambda: len(link.calls) > calls, "it calls again", 60)
    live.live(30)
    assert link.calls[-1].device["reset_reason"] == "panic"

    def told() -> bool:
        return report in str([r for r in gateway.get("/api/state")["reports"] if r["kind"] == "crash"])

    live.until(told, "the gateway is told of the crash")
    live.until(lambda: live.ask("crash")["report"] == "", "what was told is erased")
