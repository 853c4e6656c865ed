"""What counts as brought by the machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from python_env import debian
from python_env.programs import Programs


def test_a_program_that_came_another_way_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's npm can't be installed beside the Node.js of others, which brings one."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert not debian._is_there("voicegw-no-package")
    program = tmp_path / "voicegw-no-package"
    program.touch(mode=0o755)
    assert debian._is_there("voicegw-no-package")


def test_a_package_without_a_program_is_asked_for_by_name() -> None:
    assert debian._is_there("libc6")


def test_a_dpkg_without_apt_get_is_no_debian(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", {"dpkg-query": "/usr/bin/dpkg-query"}.get)
    debian.bring("run", Programs(tmp_path))
    assert "without dpkg and apt-get" in capsys.readouterr().err
