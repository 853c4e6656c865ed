"""From an empty board to a live one, with the real esptool, on simulated boards."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from hil.gateway import Gateway
from tests.tools import boards
from tests.tools.boards import PASSWORD, SSID, run

pytestmark = [pytest.mark.usefixtures("firmware"), pytest.mark.timeout(300)]  # pyserial takes 0.2 s a command


def names(gateway: Gateway) -> set[str]:
    """Those that are let in."""
    found = gateway.get("/api/devices")
    return {device["name"] for device in found if not device.get("revoked")}


def test_two_empty_boards_at_once_are_flashed_enrolled_and_live(
    tmp_path: Path, gateway: Gateway, at_gateway: list[str], password_file: Path
) -> None:
    """One has a C3, the other an S3; of the releases that lie there each gets its own."""
    images = [boards.release(tmp_path / "releases" / name, name) for name in ("xmini-c3", "s3-devkit")]
    wifi = ["--ssid", SSID, "--password-file", str(password_file), *at_gateway]
    with boards.board(tmp_path / "one") as one, boards.board(tmp_path / "two", chip="esp32s3") as two:
        running = [
            subprocess.Popen(
                boards.command(tool, "--port", there.url, "--image", str(tmp_path / "releases"), *own, *wifi),
                env=boards.environment(), cwd=boards.ROOT, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            for tool, there, own in (
                ("gateway flash", one, ["--name", "kitchen"]), ("tools.flash", two, ["--json", "--erase"]),
            )
        ]  # fmt: skip
        said = [process.communicate(timeout=boards.SECONDS)[0] for process in running]
        stored = [boards.settings_on(*of) for of in zip((one, two), images, strict=True)]
        whole = [boards.written(*of) for of in zip((one, two), images, strict=True)]
    assert said[0].splitlines()[-1] == "reached=live", said[0]
    events = [json.loads(line) for line in said[1].splitlines()]
    assert events[-1] == {"event": "done", "reached": "live"}, said[1]
    percents = [e["percent"] for e in events if e["event"] == "progress"]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert len(percents) > 3
    assert all(all(files.values()) for files in whole)
    assert stored[0] | {"key": ""} == stored[0] | {
        "ssid": SSID, "password": PASSWORD, "name": "kitchen", "gateway": gateway.url, "key": "",
    }  # fmt: skip
    assert re.fullmatch(r"voice-[0-9a-f]{6}", stored[1]["name"])
    assert names(gateway) >= {"kitchen", stored[1]["name"]}
    for secret in (PASSWORD, stored[0]["key"], stored[1]["key"]):
        assert secret not in "".join(said)


def test_a_dry_run_writes_and_enrols_nothing(
    tmp_path: Path, image: Path, gateway: Gateway, at_gateway: list[str], password_file: Path
) -> None:
    with boards.board(tmp_path / "board") as there:
        wifi = ["--ssid", SSID, "--password-file", str(password_file)]
        arguments = ["--port", there.url, "--image", str(image), *at_gateway, "--name", "never"]
        done = run("tools.flash", *arguments, *wifi, "--dry-run", "--json")
        assert done.status == 0, done.out
        steps = [e["step"] for e in done.events if e["event"] == "step"]
        assert steps == ["port", "chip", "image", "settings", "dry run"]
        assert PASSWORD not in done.out
        assert boards.is_erased(there)
    assert "never" not in names(gateway)


def test_a_name_that_is_taken_is_not_taken_over_unasked(
    tmp_path: Path, image: Path, gateway: Gateway, at_gateway: list[str], password_file: Path
) -> None:
    gateway.enrol("taken")
    with boards.board(tmp_path / "board") as there:
        wifi = ["--ssid", SSID, "--password-file", str(password_file), *at_gateway]
        done = run(
            "tools.flash", "--port", there.url, "--image", str(image), "--name", "taken", "--json", *wifi
        )
        assert done.status == 1
        assert done.last["step"] == "enrol"
        assert "--replace" in done.last["remedy"]
        assert boards.is_erased(there)
