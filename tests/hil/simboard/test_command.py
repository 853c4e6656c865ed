"""What a simulated board is started with and cannot be: said in a line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hil.simboard.support import ROOT
from tests.support.machine import FULL, possible


def run(module: str, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def board(flash: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run("hil.simboard", "--chip", "esp32c3", "--flash", str(flash), *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--port", "70000"), "--port"),
        (("--control", "-1"), "--control"),
        (("--voicesim", "/etc"), "/etc is not there"),
        (("--voicesim", "/bin/true", "--store", "/dev/null/x"), "--store /dev/null/x cannot be used"),
    ],
)
def test_what_no_board_starts_with_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = board(tmp_path / "flash.bin", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.splitlines()[-1]
    assert "another --port" not in done.stderr


@pytest.mark.parametrize("size", ["0", "-5", "10000000"])
def test_an_application_of_no_size_that_there_can_be_is_not_made(tmp_path: Path, size: str) -> None:
    done = run("hil.simboard.demo", str(tmp_path / "release"), "--size", size)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"demo: an application cannot have {size} bytes; give --size from 8192 to")


def test_a_release_where_nothing_can_be_kept_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("hil.simboard.demo", str(tmp_path / "file"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "a file is where a directory should be" in done.stderr


@pytest.mark.skipif(not possible(), reason="only root can make such machines")
def test_a_flash_that_the_disk_has_no_room_for_is_said(tmp_path: Path) -> None:
    command = ("hil.simboard", "--chip", "esp32c3", "--flash", "/mnt/flash.bin", "--voicesim", "/bin/true")
    done = run(*command, "--store", str(tmp_path), prefix=tuple(FULL))
    assert (done.returncode, done.stdout) == (2, "")
    assert "/mnt/flash.bin cannot be written: the disk is full: make room" in done.stderr
