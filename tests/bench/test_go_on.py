from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import left

ROOT = Path(__file__).parents[2]


def test_what_failed_or_was_broken_off_is_measured_again_on_all_sides(tmp_path: Path) -> None:
    kept = tmp_path / "whole.json"
    took = {"baseline": {"echo": 70, "busy": 80, "cost": 50}, "ours": {"echo": 70, "busy": 80}}
    told = {"echo_ms": {"ours": 39.4}, "took_s": took, "failed": {"baseline": {"busy": "RuntimeError()"}}}
    kept.write_text(json.dumps(told))
    results, names = left(kept, ["echo", "busy", "cost", "idle"], ["baseline", "ours"])
    assert names == ["busy", "cost", "idle"]
    assert results == {"echo_ms": {"ours": 39.4}, "took_s": took}


def test_without_a_run_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no run to go on with"):
        left(tmp_path / "whole.json", ["echo"], ["ours"])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("bench", "--before", "/nowhere"), "/nowhere is no checkout"),
        (("bench", "--side", "before"), "--side before wants --before"),
        (("bench.room", "--every", "0"), "--every counts from 1"),
    ],
)
def test_what_cant_be_measured_is_said_before_anything_is(asked: tuple[str, ...], said: str) -> None:
    command = [sys.executable, "-m", *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
