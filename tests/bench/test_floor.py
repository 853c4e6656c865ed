from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench import floor
from bench.device import encode
from bench.signals import noise

pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None or not Path("/usr/include/srtp2").exists(),
    reason="needs cc, libopus, libsrtp2",
)


def test_the_floor_handles_every_packet() -> None:
    assert floor.measured(encode(noise(1.0)), sessions=2, seconds=1) > 0
