from __future__ import annotations

import os
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.simboard.chips import CHIPS, Chip
from hil.simboard.flash import MEGABYTE, Flash
from tests.hil.simboard.support import ROOT


@pytest.fixture(scope="session", autouse=True)
def quick_serial() -> Iterator[None]:
    """Here and in programs that are started from here, pyserial does not sleep where it waits; see there."""
    quick = ROOT / "tests" / "support" / "quick_rfc2217"
    runpy.run_path(str(quick / "sitecustomize.py"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(quick), prepend=os.pathsep)
        yield


@pytest.fixture(scope="session")
def firmware() -> None:
    """The Linux build."""
    subprocess.run(["make", "-C", str(ROOT / "firmware"), "host"], check=True, capture_output=True)


@pytest.fixture
def flash(tmp_path: Path) -> Iterator[Flash]:
    """4 MB of it, erased."""
    made = Flash(tmp_path / "flash.bin", 4 * MEGABYTE)
    yield made
    made.close()


@pytest.fixture(params=sorted(CHIPS))
def chip(request: pytest.FixtureRequest) -> Chip:
    return CHIPS[request.param]
