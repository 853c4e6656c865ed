"""A language model that goes by rules, for the bots that are tried here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.speech import sphinx_stream
from tests.bots.calling import Model


@pytest.fixture(autouse=True)
def _a_machine_may_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sphinx_stream, "_RESULT_SECONDS", 60.0)


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
