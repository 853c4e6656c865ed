"""What waits in the front for the provider of a call on the phone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from gateway.front.lines import MAX_CHARACTERS, LineEnd, Lines
from gateway.front.places.place import Places
from gateway.wire.calls import EndCall, PhoneCall, SessionEvent
from tests.support.waiting import PATIENCE


class Place:
    """Where one call lives."""

    def __contains__(self, session_id: str) -> bool:
        return True

    async def phone(self, call: PhoneCall) -> None: ...
    async def end(self, call: EndCall) -> None: ...


@pytest.fixture
async def lines() -> Lines:
    return Lines(cast("Places", Place()))


@pytest.fixture
async def end(lines: Lines) -> AsyncIterator[LineEnd]:
    call = PhoneCall(session_id="s1", provider="twilio", bot="echo", remote="192.0.2.1")
    async with lines.call(call) as found:
        yield found


def says(lines: Lines, characters: int) -> None:
    data = {"text": "x" * characters, "data": None}
    lines.take(SessionEvent(kind="line", session_id="s1", data=data))


async def test_a_provider_that_takes_nothing_is_hung_up_on_before_it_costs_much(
    lines: Lines, end: LineEnd
) -> None:
    for _ in range(100):
        says(lines, 130_000)
    kept = 0
    async with asyncio.timeout(PATIENCE):
        while (message := await end.said()) is not None:
            kept += len(message.text or "")
    assert 0 < kept <= MAX_CHARACTERS


async def test_a_provider_that_takes_what_is_said_hears_all_of_it(lines: Lines, end: LineEnd) -> None:
    for _ in range(100):
        says(lines, 130_000)
        assert await end.said() is not None
