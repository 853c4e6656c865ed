"""What a command may import: who lists devices or reads `--help` does not wait for Pipecat."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.gateway import ROOT, environment, write_settings

HEAVY = {"pipecat", "aiortc", "aioice", "av", "numpy", "onnxruntime", "fastapi", "uvicorn"}


def imported(*arguments: str) -> set[str]:
    """The packages that a command imports, as Python tells."""
    command = [sys.executable, "-X", "importtime", "-m", "gateway", *arguments]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 0, ended.stderr[-2_000:]
    lines = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines}


@pytest.mark.parametrize("command", ["", "serve", "talk", "devices", "doctor"])
def test_help_imports_nothing_heavy(command: str) -> None:
    found = imported(*command.split(), "--help")
    assert "typer" in found
    assert found & HEAVY == set()


def test_ctrl_c_while_a_command_is_imported_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    ended = subprocess.run(
        [sys.executable, "-m", "gateway", "devices"],
        cwd=ROOT,
        env=environment({"PYTHONPATH": str(tmp_path)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")


def test_listing_devices_imports_nothing_heavy(tmp_path: Path) -> None:
    found = imported("devices", "--json", "--config", str(write_settings(tmp_path, {})))
    assert "zeroconf" in found
    assert found & HEAVY == set()


def test_the_front_loads_neither_pipecat_nor_aiortc() -> None:
    """The process that serves HTTP holds no media: both cost it 2 s at start and 100 MB for ever."""
    code = "import sys, gateway.front.server; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    found = {name.split(".")[0] for name in ended.stdout.split()}
    assert "fastapi" in found
    assert found & {"pipecat", "aiortc", "aioice", "av", "numpy"} == set()
