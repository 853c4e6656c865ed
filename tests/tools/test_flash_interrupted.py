"""A write that is broken off leaves a board that can be flashed again, and no key behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from hil.gateway import Gateway
from tests.tools import boards
from tests.tools.boards import SSID, run

pytestmark = [pytest.mark.usefixtures("firmware"), pytest.mark.timeout(300)]  # pyserial takes 0.2 s a command


def test_interrupted_in_mid_write_and_tried_again(
    tmp_path: Path, gateway: Gateway, at_gateway: list[str], password_file: Path
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored
    large = boards.release(tmp_path / "large", size=262_144)
    with boards.board(tmp_path / "board") as there:
        wifi = [
            "--ssid",
            SSID,
            "--password-file",
            str(password_file),
            *at_gateway,
            "--name",
            "hall",
        ]
        arguments = ["--port", there.url, "--image", str(large), "--json", *wifi]
        process = subprocess.Popen(
            boards.command("tools.flash", *arguments), env=boards.environment(), cwd=boards.ROOT,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("percent", 0) >= 20:
                os.killpg(process.pid, signal.SIGINT)  # as a terminal does
                break
        rest = process.stdout.read()
        assert process.wait(boards.SECONDS) == 130
        assert "run the same command again" in json.loads(rest.splitlines()[-1])["remedy"]
        assert not all(boards.written(there, large).values())
        listed = gateway.get("/api/devices")
        assert not [d for d in listed if d["name"] == "hall" and not d.get("revoked")]
        again = run("tools.flash", *arguments)
        assert again.last == {"event": "done", "reached": "live"}
        assert boards.written(there, large)["voicegw.bin"]
