"""What becomes of a device's reports: each is answered, kept or handed on, and nothing else is touched."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gateway.media.reports import DeviceReports
from gateway.wire.messages import Report


class Call:
    """What is sent to a device, and what is handed on."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.handed: list[Report] = []
        self.reports = DeviceReports(self.sent.append, self.handed.append, "s1")

    async def says(self, kind: str, body: Any, number: int = 7) -> None:
        message = {"label": "rtvi-ai", "type": "client-message", "id": number}
        await self.reports.take(None, {**message, "data": {"t": f"device-{kind}", "d": body}})


@pytest.fixture
def call() -> Call:
    return Call()


async def test_figures_are_kept(call: Call) -> None:
    await call.says("figures", {"heap_free": 1})
    await call.says("figures", {"heap_free": 2})
    assert (call.reports.figures, call.sent, call.handed) == ({"heap_free": 2}, [], [])


async def test_a_clock_is_answered_with_ours(call: Call) -> None:
    before = time.time_ns() // 1_000
    await call.says("clock", {"t0": 5})
    [answer] = call.sent
    times = answer["data"]["d"]
    assert (answer["id"], times["t0"]) == (7, 5)
    assert before <= times["t1"] <= times["t2"] <= time.time_ns() // 1_000
    assert call.handed == []


@pytest.mark.parametrize("kind", ["crash", "update", "command-result"])
async def test_the_rest_is_acknowledged_and_handed_on(call: Call, kind: str) -> None:
    await call.says(kind, {"text": "x"})
    assert [answer["id"] for answer in call.sent] == [7]
    assert call.handed == [Report(kind, 7, {"text": "x"})]


@pytest.mark.parametrize(
    "message", [None, "ping", {}, {"type": "client-ready", "data": {"version": "1.0.0"}}]
)
async def test_what_is_no_report_is_left_to_the_bot(call: Call, message: Any) -> None:
    await call.reports.take(None, message)
    assert (call.sent, call.handed, call.reports.figures) == ([], [], None)


async def test_a_malformed_report_is_left_out(call: Call) -> None:
    await call.says("figures", {"heap_free": "much"})
    await call.says("crash", "no object")
    assert (call.sent, call.handed, call.reports.figures) == ([], [], None)
