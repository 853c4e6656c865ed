"""`serve` on a desktop's terminal opens the page; its link is in a file of ours, and in nobody's list of processes."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from gateway.cli import browser
from tests.support.waiting import until

LINK = "https://localhost:7860/enter?ticket=abc&x=1"


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the desktop's opener was started with, a line each; it is on PATH, and there is a display."""
    said = tmp_path / "opened"
    opener = tmp_path / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$@" >>"{said}.new"; mv "{said}.new" "{said}"\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", f"{opener.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("SSH_CONNECTION", "WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return said


async def test_the_link_is_told_by_a_file_of_ours(opened: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    assert browser.show(LINK)
    await until(opened.exists, "it is opened")
    page = Path(opened.read_text().strip())
    assert "ticket" not in str(page)
    assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700
    [found] = re.findall(r"url=([^\"]+)\"", page.read_text())
    assert found.replace("&amp;", "&") == LINK


@pytest.mark.parametrize("environment", [{}, {"DISPLAY": ":0", "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}])
def test_without_a_display_here_nothing_is_opened(
    opened: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert not browser.show(LINK)
    assert not opened.exists()


def test_without_an_opener_nothing_is_opened(opened: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", str(opened.parent / "nowhere"))
    assert not browser.show(LINK)
