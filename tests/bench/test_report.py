from __future__ import annotations

from pathlib import Path

import pytest

from bench import report

RESULTS = {
    "machine": {"cores": 2, "network": "two network namespaces"},
    "echo_ms": {"baseline": {"p50": 160.0, "p95": 170.0}, "ours": {"p50": 48.0, "p95": 51.0}},
    "sessions_per_core": {"baseline": 8, "ours": 33},
    "span": {"ours": {"sessions_per_core": [33, 36]}},
}


def test_a_row_sets_both_sides_in_relation() -> None:
    assert "| mouth to ear echo, p50 | 160 ms | 48 ms | 0.30 |" in report.table(RESULTS)


def test_the_span_of_a_figure_stands_beside_it() -> None:
    assert "| 8 | 33 (33 to 36) | 4.12 |" in report.table(RESULTS)


def test_each_profile_has_its_own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_DOCS", tmp_path)
    report.write(RESULTS)
    report.write({"machine": RESULTS["machine"], "sessions_per_core": {"ours": 5}}, "pi")
    text = (tmp_path / "performance.md").read_text()
    assert "33 (33 to 36)" in text.partition("<!-- bench: end -->")[0]
    assert "| 5 |" in text.partition("<!-- bench pi: begin -->")[2]


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
