from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ground import installing


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ("pipx_metadata.json", "pipx inject voicegw 'x[y]==1'"),
        ("uv-receipt.toml", "uv tool install --with 'x[y]==1' voicegw"),
    ],
)
def test_an_environment_of_a_tools_is_told_through_the_tool(tmp_path: Path, mark: str, expected: str) -> None:
    (tmp_path / "voicegw").mkdir()
    (tmp_path / "voicegw" / mark).touch()
    assert installing.line("x[y]==1", tmp_path / "voicegw") == expected


def test_any_other_is_told_by_its_own_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert installing.line("x", tmp_path) == f"{tmp_path}/bin/python -m pip install x"
    monkeypatch.chdir(tmp_path)
    assert installing.line("x", tmp_path / ".venv") == ".venv/bin/python -m pip install x"


def test_one_without_pip_is_told_by_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(installing, "find_spec", lambda _name: None)
    assert installing.line("x") == f"uv pip install --python {Path(sys.prefix) / 'bin' / 'python'} x"
