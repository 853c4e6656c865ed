"""The quick part of the suite, on the simulated board."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hil.running import failed, suite


@pytest.mark.timeout(1_500)
@pytest.mark.usefixtures("built")
def test_the_simulated_board_passes(tmp_path: Path) -> None:
    results = suite(tmp_path, "-m", "quick")
    failures = failed(results)
    if failures:  # other tests run beside it: a fault of ours is there again
        names = " or ".join({test.split("[")[0] for test in failures})
        assert failed(suite(tmp_path / "again", "-m", "quick", "-k", names)) == {}, failures
    assert {r.outcome for r in results if r.test not in failures} == {"passed"}
    assert len(results) > 10
    measured = {m.name for r in results for m in r.measures}
    assert {"connect_ms", "echo_ms", "clock_ppm", "left_out_percent", "speaker_db"} <= measured
    kept = {path.name for path in (tmp_path / "test_a_tone_survives-loss_10").iterdir()}
    assert {"board.log", "journal.json", "trace.jsonl", "offer-1.sdp", "answer-1.sdp", "gateway.log"} <= kept
    assert {"gateway-heard-1.wav", "speaker.wav"} <= kept
