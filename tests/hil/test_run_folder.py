from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def rig(*options: str) -> subprocess.CompletedProcess[str]:
    """The rig with options that it cannot run with."""
    command = [sys.executable, "-m", "hil", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_gateways_address_that_cannot_be_asked_is_said(tmp_path: Path) -> None:
    done = rig("--run", str(tmp_path), "--backend", "simulated", "--gateway", "ws://127.0.0.1:9")
    assert done.returncode != 0
    assert "a gateway is not asked over ws" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_folder_that_no_run_can_be_kept_in_is_said_before_it_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = rig("--run", str(tmp_path / "file"))
    assert (done.returncode, done.stdout) == (2, "")
    said, remedy = done.stderr.splitlines()
    assert said.startswith("error: --run ")
    assert "a file is where a directory should be" in said
    assert "--run" in remedy
