from __future__ import annotations

from pathlib import Path

import pytest

from bench import report

RESULTS = {
    "machine": {"cores": 2, "network": "two network namespaces"},
    "echo_ms": {"baseline": {"p50": 160.0, "p95": 170.0}, "ours": {"p50": 48.0, "p95": 51.0}},
    "sessions_per_core": {"baseline": 8, "ours": 33},
}


def test_a_row_sets_both_sides_in_relation() -> None:
    assert "| mouth to ear echo, p50 | 160 ms | 48 ms | 0.30 |" in report.table(RESULTS)


def test_what_was_not_measured_has_no_row() -> None:
    assert "loss" not in report.table(RESULTS)


def test_only_what_stands_between_the_marks_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "_DOCS", tmp_path)
    page = tmp_path / "performance.md"
    page.write_text("Before.\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nAfter.\n")
    report.write(RESULTS)
    text = page.read_text()
    assert text.startswith("Before.\n")
    assert text.endswith("\nAfter.\n")
    assert "old" not in text
    assert "performance-echo.svg" in text
    assert (tmp_path / "images" / "performance-echo.svg").exists()
