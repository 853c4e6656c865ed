from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_folder_that_no_run_can_be_kept_in_is_said_before_it_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "hil", "--run", str(tmp_path / "file")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    said, remedy = done.stderr.splitlines()
    assert said.startswith("error: --run ")
    assert "a file is where a directory should be" in said
    assert "--run" in remedy
