"""A rack dies in the simulation: what runs there is the real placement, hosts and back-off."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.simulated import clock
from bench.simulated.__main__ import Fleet, rack_dies

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler, for the firmware's table")


def test_everyone_is_live_again_once_and_no_call_is_there_twice(tmp_path: Path) -> None:
    fleet = Fleet(devices=120, hosts=12, fronts=2, rack=3)
    found = clock.run(rack_dies(fleet, tmp_path, None, seed=1))
    assert found.lost > 0
    assert found.twins == 0
    assert found.half < found.everyone < 10


def test_it_comes_out_the_same_each_time(tmp_path: Path) -> None:
    fleet = Fleet(devices=40, hosts=6, fronts=2, rack=2)
    outcomes = []
    for name in ("one", "two"):
        (folder := tmp_path / name).mkdir()
        outcomes.append(clock.run(rack_dies(fleet, folder, None, seed=7)))
    assert outcomes[0] == outcomes[1]


def test_with_no_room_left_they_wait_and_ask_again(tmp_path: Path) -> None:
    """Two hosts of four die; the others have room for half of what there was."""
    fleet = Fleet(devices=16, hosts=4, fronts=1, rack=2, most=8)
    found = clock.run(rack_dies(fleet, tmp_path, None, seed=3))
    assert found.everyone >= found.half
