"""What is left of a host, and the tier that follows."""

from __future__ import annotations

import pytest

from gateway.wire.headroom import FULL_CPU, FULL_LAG_MS, TIERS, Headroom


@pytest.mark.parametrize(
    ("said", "tier"),
    [
        (Headroom(calls=0, most=8), 3),
        (Headroom(calls=2, most=8), 3),
        (Headroom(calls=3, most=8), 2),
        (Headroom(calls=7, most=8), 0),
        (Headroom(calls=8, most=8), None),
        (Headroom(calls=9, most=8), None),
        (Headroom(calls=0, most=8, cpu=FULL_CPU), 0),
        (Headroom(calls=0, most=8, cpu=FULL_CPU / 2), 2),
        (Headroom(calls=0, most=8, lag_ms=2 * FULL_LAG_MS), 0),
        (Headroom(calls=0, most=8, load=0.6), 1),
        (Headroom(calls=0, most=8, load=1.5), 0),
        (Headroom(calls=0, most=8, failing=True), 0),
        (Headroom(calls=0, most=8, draining=True), None),
    ],
)
def test_the_scarcest_decides(said: Headroom, tier: int | None) -> None:
    assert said.tier == tier


def test_tiers_are_asked_from_the_emptiest_on() -> None:
    assert list(TIERS) == sorted(TIERS, reverse=True)
    assert Headroom(calls=0, most=1).tier == TIERS[0]
