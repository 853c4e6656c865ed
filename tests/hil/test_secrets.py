"""What is kept of a test can be shown to anyone."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.gateway import ROOT
from tests.hil.running import suite

PASSWORD = "none of anybody's business"


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("backend", ["simboard", "simulated"])
def test_what_is_kept_holds_no_password_and_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("VOICEGW_WIFI_SSID", "attic")
    monkeypatch.setenv("VOICEGW_WIFI_PASSWORD", PASSWORD)
    here = str(ROOT / "hil" / "suite" / "test_boot.py")
    results = suite(
        tmp_path, "--backend", backend, "--gateway", "http://127.0.0.1:9", "-k", "says_what_it_is", here
    )
    assert [r.outcome for r in results] == ["passed"]
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "board.log" in {path.name for path in kept}
    assert [path for path in kept if PASSWORD.encode() in path.read_bytes() or path.name == "identity"] == []
