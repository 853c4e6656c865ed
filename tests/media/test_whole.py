"""A call whose connection is in its bot's process, as its media process has it."""

from __future__ import annotations

import pytest

from gateway.media.whole import RemoteConnection
from gateway.wire import talk


@pytest.mark.parametrize("told", [{}, {"rtt_ms": 3.0, "whatever": 1}])
async def test_a_bots_figures_may_have_any_names(told: dict[str, float | None]) -> None:
    connection = RemoteConnection(None, 1.0)
    connection.take(talk.from_bot({"t": "media", "signs": 1, "figures": told}))  # type: ignore[arg-type]
    figures = await connection.figures()
    assert figures is not None
    assert figures.rtt_ms == told.get("rtt_ms")
