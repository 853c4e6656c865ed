"""A language model that goes by rules, for the bots that are tried here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bots.calling import Model


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Model]:
    log = tmp_path / "model.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.model"], stdout=subprocess.PIPE, stderr=errors
        )
    assert process.stdout is not None
    yield Model(process.stdout.readline().decode().strip(), log)
    process.terminate()
    process.wait()
    process.stdout.close()
