"""Boards that were flashed before: how far they come, and what can be changed while they run."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

import pytest

from hil.gateway import Gateway
from tests.hil.simboard.support import Simulated
from tests.tools import boards
from tests.tools.boards import PASSWORD, SSID, run
from tools import doctor, monitor
from tools.board import boot
from tools.board.boot import Reached
from tools.board.console import Console
from tools.errors import BootError
from tools.lan import Service

pytestmark = [pytest.mark.usefixtures("firmware"), pytest.mark.timeout(300)]  # pyserial takes 0.2 s a command
WIFI = {"ssid": SSID, "password": PASSWORD}


def test_a_wrong_password_is_told_and_put_right_by_improv(
    tmp_path: Path, image: Path, gateway: Gateway, password_file: Path
) -> None:
    settings = {"ssid": SSID, "password": "wrong horse", "gateway": gateway.url, "name": "cellar"}
    boards.install(tmp_path / "board", image, settings)
    with boards.board(tmp_path / "board") as there:
        with contextlib.closing(Console(there.url)) as console, pytest.raises(BootError) as error:
            boot.follow(console, Reached.LIVE)
        assert error.value.cause == "reached booted, and no further: the Wi-Fi refuses the password"
        scanned = run("tools.provision", "--port", there.url, "--scan", "--json")
        assert [n["ssid"] for n in json.loads(scanned.out)] == [SSID], scanned.out
        wifi = ["--ssid", SSID, "--password-file", str(password_file), "--talk", "half"]
        put_right = run("tools.provision", "--port", there.url, *wifi, "--json")
        assert put_right.status == 0, put_right.out
        held = json.loads(put_right.out)["settings"]
        assert {k: held[k] for k in ("ssid", "password", "name", "talk")} == {
            "ssid": SSID, "password": "***", "name": "cellar", "talk": "half",
        }  # fmt: skip
        assert PASSWORD not in put_right.out + put_right.err
        with contextlib.closing(Console(there.url)) as console:
            assert boot.follow(console, Reached.LIVE).reached == Reached.LIVE
        found = json.loads(run("tools.doctor", "--port", there.url, "--gateway", gateway.url, "--json").out)
        assert [f["well"] for f in found if f["what"] == "UDP"] == [True, True]
        assert [f["well"] for f in found if f["what"] == "gateway"] == [True]


def test_a_part_that_does_not_work_is_told(tmp_path: Path, image: Path, gateway: Gateway) -> None:
    boards.install(tmp_path / "board", image, {**WIFI, "gateway": gateway.url})
    with boards.board(tmp_path / "board", broken="nosound") as there:
        with contextlib.closing(Console(there.url)) as console:
            boot.follow(console, Reached.LIVE)
        done = run("tools.doctor", "--port", there.url, "--gateway", gateway.url, "--json")
        wrong = [f for f in json.loads(done.out) if f["what"] == "board" and not f["well"]]
        assert [f["text"] for f in wrong] == ["it neither hears nor speaks (no_audio)"]
        assert "voicegw monitor" in wrong[0]["remedy"]
        assert done.status == 1


@pytest.mark.parametrize(
    ("told", "well", "words"),
    [
        ({"state": "live"}, True, ", live"),
        ({"state": "live", "reason": "link_lost"}, True, "last failure link_lost"),
        ({"state": "backoff", "reason": "link_lost"}, None, "last failure link_lost"),
        ({"state": "live", "fault": "no_speaker"}, False, "its speaker does not work (no_speaker)"),
        ({"state": "live", "fault": "no_display"}, False, "a part of it fails: no_display"),
    ],
)
def test_a_device_is_judged_by_what_it_announces(told: dict[str, str], well: bool | None, words: str) -> None:
    found = doctor.of_device(Service("attic", ("192.0.2.7",), 9, {"board": "x", "fw": "1", **told}))
    assert found.well is well
    assert words in found.text
    assert bool(found.remedy) == (well is False)


def test_a_password_that_does_not_open_the_network_is_refused_by_improv(tmp_path: Path, image: Path) -> None:
    boards.install(tmp_path / "board", image, {})
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong horse")
    with boards.board(tmp_path / "board") as there:
        done = run(
            "tools.provision", "--port", there.url, "--ssid", SSID, "--password-file", str(wrong), "--json"
        )
        assert done.status == 1, done.out
        assert done.last["step"] == "improv"
        assert "cannot connect" in done.last["cause"]
        assert "wrong horse" not in done.out + done.err


def test_a_gateway_that_is_gone_is_told(tmp_path: Path, image: Path) -> None:
    boards.install(tmp_path / "board", image, {**WIFI, "gateway": "http://127.0.0.1:9"})
    with boards.board(tmp_path / "board") as there, contextlib.closing(Console(there.url)) as console:
        boot.follow(console, Reached.NETWORK)
        with pytest.raises(BootError) as error:
            boot.follow(console, Reached.LIVE, seconds=6)
        assert error.value.cause == "reached wifi, and no further after 6 s: the gateway cannot be reached"
        assert "doctor" in error.value.remedy


def test_a_key_that_the_gateway_does_not_know_is_told_at_once(
    tmp_path: Path, image: Path, gateway: Gateway
) -> None:
    boards.install(tmp_path / "board", image, {**WIFI, "gateway": gateway.url, "key": "vgw_unknown"})
    with (
        boards.board(tmp_path / "board") as there,
        contextlib.closing(Console(there.url)) as console,
        pytest.raises(BootError, match=r"reached gateway.*does not know the device's key"),
    ):
        boot.follow(console, Reached.LIVE)


def test_firmware_that_crashes_at_its_start_is_told(tmp_path: Path) -> None:
    boards.install(tmp_path / "board", boards.release(tmp_path / "broken", fault="crash"), {})
    with (
        boards.board(tmp_path / "board") as there,
        contextlib.closing(Console(there.url)) as console,
        pytest.raises(BootError, match="does not start: the firmware crashed"),
    ):
        boot.follow(console, Reached.BOOTED, seconds=30)


def test_an_empty_board_is_told(tmp_path: Path) -> None:
    with (
        boards.board(tmp_path / "board") as there,
        contextlib.closing(Console(there.url)) as console,
        pytest.raises(BootError, match="there is no firmware in the flash"),
    ):
        boot.follow(console, Reached.BOOTED, seconds=30)


def monitored(there: Simulated, last: str, *options: str) -> list[str]:
    """What the monitor shows, up to a line with `last` in it."""
    command = boards.command("tools.monitor", "--port", there.url, "--seconds", "60", *options)
    shown: list[str] = []
    with subprocess.Popen(
        command, cwd=boards.ROOT, env=boards.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        while not (shown and last in shown[-1]) and (line := process.stdout.readline()):
            shown.append(line.rstrip())
        process.terminate()
    return shown


def test_the_monitor_shows_events_and_answers(tmp_path: Path, image: Path, gateway: Gateway) -> None:
    boards.install(tmp_path / "board", image, {**WIFI, "gateway": gateway.url})
    with boards.board(tmp_path / "board") as there:
        found = [json.loads(line) for line in monitored(there, '"state": "live"', "--reset", "--json")]
        assert {"log", "event"} <= {e["type"] for e in found}
        assert found[-1]["type"] == "event"
        answers = [json.loads(line) for line in monitored(there, '"answer"', "--send", "state", "--json")]
        assert answers[-1]["values"]["board"] == "xmini-c3"
        assert "● live" in monitored(there, "● live", "--reset")[-1]


def test_the_monitor_follows_a_board_that_goes_away_and_comes_back(tmp_path: Path, image: Path) -> None:
    boards.install(tmp_path / "board", image, {**WIFI, "gateway": "http://127.0.0.1:9"})
    with boards.board(tmp_path / "board") as there, contextlib.closing(Console(there.url)) as console:
        seen: list[bool] = []
        for what in monitor.follow(console, None, 60):
            if what["type"] == "port":
                seen.append(what["there"])
                if not what["there"]:
                    there.tell("plug")
            elif not seen:
                there.tell("unplug")
            elif seen == [False, True]:
                break  # and it speaks again
        assert seen == [False, True]
