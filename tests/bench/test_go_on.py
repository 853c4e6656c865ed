from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.__main__ import left


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
