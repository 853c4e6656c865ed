"""What goes wrong while flashing ends in a clear message, and in a board that can be flashed again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.hil.simboard.support import Simulated
from tests.tools import boards
from tests.tools.boards import PASSWORD, SSID, Run, run

pytestmark = [pytest.mark.usefixtures("firmware"), pytest.mark.timeout(300)]  # pyserial takes 0.2 s a command


def flash(there: Simulated, image: Path, *arguments: str, password: str = PASSWORD) -> Run:
    wifi = {"VOICEGW_WIFI_SSID": SSID, "VOICEGW_WIFI_PASSWORD": password}
    return run("tools.flash", "--port", there.url, "--image", str(image), "--json", *arguments, extra=wifi)


def failure(done: Run) -> dict[str, Any]:
    assert done.status == 1, done.out
    assert done.last["event"] == "failed"
    assert done.last["remedy"]
    return done.last


def test_an_image_for_another_chip(tmp_path: Path) -> None:
    other = boards.release(tmp_path / "other", "s3-devkit")
    with boards.board(tmp_path / "board") as there:
        said = failure(flash(there, other, "--no-provision"))
        assert said["step"] == "image"
        assert said["cause"] == "this board has an esp32c3, and the image is for esp32s3"
        assert boards.is_erased(there)


def test_an_image_that_is_cut_short(tmp_path: Path) -> None:
    bad = boards.release(tmp_path / "bad")
    (bad / "voicegw.bin").write_bytes((bad / "voicegw.bin").read_bytes()[:-1000])
    with boards.board(tmp_path / "board") as there:
        said = failure(flash(there, bad, "--no-provision"))
        assert said["step"] == "image"
        assert "voicegw.bin has" in said["cause"]
        assert boards.is_erased(there)


def test_no_gateway_to_enrol_with(tmp_path: Path, image: Path) -> None:
    with boards.board(tmp_path / "board") as there:
        said = failure(flash(there, image, "--gateway", "http://127.0.0.1:9"))
        assert said["step"] == "enrol"
        assert "no gateway answers at http://127.0.0.1:9" in said["cause"]
        assert boards.is_erased(there)


def test_flash_that_does_not_hold_what_is_written(tmp_path: Path, image: Path) -> None:
    with boards.board(tmp_path / "board", "verify@0x20000") as there:
        said = failure(flash(there, image, "--no-provision"))
        assert said["step"] == "write"
        assert "does not read back the same" in said["cause"]


def test_unplugged_in_mid_write_and_tried_again(tmp_path: Path) -> None:
    large = boards.release(tmp_path / "large", size=262_144)
    with boards.board(tmp_path / "board", "unplug@60000:1") as there:
        said = failure(flash(there, large, "--no-provision"))
        assert "connection" in said["cause"] or "no ESP answers" in said["cause"]
        assert flash(there, large, "--no-provision").status == 0
        assert boards.written(there, large)["voicegw.bin"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a small disk, as root")
def test_a_full_disk(tmp_path: Path, image: Path) -> None:
    with boards.board(tmp_path / "board") as there:
        arguments = ["--port", there.url, "--image", str(image), "--no-provision", "--json"]
        mount = 'mount -t tmpfs -o size=16k none /dev/shm && exec "$@"'
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", mount, "sh", *boards.command("tools.flash", *arguments)],
            env=boards.environment(), cwd=boards.ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if "unshare" in done.stderr or "mount" in done.stderr:
            pytest.skip("no mount namespaces here")
        said = failure(Run(done.returncode, done.stdout, done.stderr))
        assert "the disk is full" in said["cause"]
        assert said["remedy"] == "make room there"
        assert boards.is_erased(there)
