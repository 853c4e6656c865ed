from __future__ import annotations

import subprocess

import pytest

from hil.gateway import ROOT


@pytest.fixture(scope="session")
def built() -> None:
    """The simulated device, whole and broken."""
    subprocess.run(["make", "-C", str(ROOT / "firmware"), "host"], check=True, capture_output=True)
