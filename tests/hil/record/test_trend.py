"""What a series of readings tells."""

from __future__ import annotations

import numpy as np
import pytest

from hil.record import trend

CALLS = np.arange(16.0)
LEAK = 200_000 - 2_048 * CALLS


def test_a_leak_is_seen_as_it_is() -> None:
    assert trend.slope(CALLS, LEAK) == pytest.approx(-2_048)


@pytest.mark.parametrize("where", [(0, 1, 2), (13, 14, 15), (0, 7, 15), (2,)])
def test_readings_of_a_bad_moment_neither_hide_nor_make_one(where: tuple[int, ...]) -> None:
    held = np.zeros(CALLS.size)
    held[list(where)] = -20_000.0
    assert trend.slope(CALLS, LEAK + held) == pytest.approx(-2_048, rel=0.2)
    assert trend.slope(CALLS, 200_000 + held) == pytest.approx(0)
