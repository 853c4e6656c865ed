"""What counts as brought by the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from python_env import debian


def test_a_program_that_came_another_way_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's npm can't be installed beside the Node.js of others, which brings one."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert not debian._is_there("voicegw-no-package")
    program = tmp_path / "voicegw-no-package"
    program.touch(mode=0o755)
    assert debian._is_there("voicegw-no-package")


def test_a_package_without_a_program_is_asked_for_by_name() -> None:
    assert debian._is_there("libc6")
