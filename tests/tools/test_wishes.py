from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ground.trouble import Trouble
from tools import wishes
from tools.errors import SettingsError

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VOICEGW_WIFI_SSID", "VOICEGW_WIFI_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def test_options_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "kitchen.toml"
    file.write_text('ssid = "file"\npassword = "from-the-file"\nname = "file"\nvolume = 40\n')
    monkeypatch.setenv("VOICEGW_WIFI_SSID", "environment")
    monkeypatch.setenv("VOICEGW_WIFI_PASSWORD", "from-environment")
    got = wishes.gather({"ssid": None, "name": "option"}, file, None)
    assert got == {"ssid": "environment", "password": "from-environment", "name": "option", "volume": "40"}


def test_the_first_line_of_the_password_file_is_the_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\nnothing\n")
    assert wishes.gather({"ssid": "attic"}, None, file) == {"ssid": "attic", "password": SECRET}


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"sid": "x"}, "no setting sid"),
        ({"ssid": "x" * 33}, "longer than 32"),
        ({"password": "short"}, "8 to 63"),
        ({"password": "g" * 64}, "64 hex digits"),
        ({"password": "hunter22\r"}, "a Wi-Fi password"),
        ({"password": "hunter\t22"}, "a Wi-Fi password"),
        ({"password": "Küche1234"}, "a Wi-Fi password"),
        ({"ssid": "home\n"}, "ssid is not of its form"),
        ({"gateway": "ws://192.168.1.2"}, "not of its form"),
        ({"gateway": "http://192.168.1.2:7860 x"}, "not of its form"),
        ({"talk": "loud"}, "not of its form"),
        ({"volume": "101"}, "not of its form"),
        ({"fingerprint": "ab"}, "not of its form"),
        ({"key": "with space"}, "not of its form"),
        ({"name": "K\udcfcche"}, "name is not UTF-8"),
        ({"ssid": "K\udcfcche"}, "ssid is not UTF-8"),
    ],
)
def test_what_no_device_would_take_is_refused(values: dict[str, str], cause: str) -> None:
    with pytest.raises(SettingsError, match=cause) as error:
        wishes.check(values)
    assert error.value.remedy


@pytest.mark.parametrize(
    "url", ["http://10.0.0.2:7860", "https://gateway.lan", "http://[fd00::2]:7860/", "http://a/b"]
)
def test_a_url_is_taken(url: str) -> None:
    assert wishes.check({"gateway": url}) == {"gateway": url}


@pytest.mark.parametrize("values", [{"password": SECRET * 5}, {"key": f"{SECRET} {SECRET}"}])
def test_no_error_repeats_a_secret(values: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as error:
        wishes.check(values)
    assert SECRET not in f"{error.value.cause} {error.value.remedy}"


@pytest.mark.parametrize("name", ["ssid", "name", "talk"])
def test_an_option_that_is_empty_is_not_passed_by(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("VOICEGW_WIFI_SSID", "environment")
    with pytest.raises(SettingsError, match=f"--{name} is empty"):
        wishes.gather({name: ""}, None, None)


ASK = """
import fcntl, termios
from tools import report, wishes
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # getpass asks the terminal itself
report.guard(lambda: wishes.ask_for_wifi({}, needed=True))
"""


@pytest.mark.parametrize("typed", [b"\x04", b"K\xfcche\n"], ids=["end", "latin-1"])
def test_a_person_who_gives_no_answer_is_told(typed: bytes) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8:strict"}
    with subprocess.Popen(
        [sys.executable, "-c", ASK], cwd=ROOT, env=environment, start_new_session=True,
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        os.write(ours, typed)
        _, said = process.communicate()
    os.close(ours)
    assert "error (settings): nobody answered what the board needs" in said, said
    assert (process.returncode, "Traceback" in said) == (1, False)


def test_without_a_person_a_missing_network_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(SettingsError, match="Wi-Fi network") as error:
        wishes.ask_for_wifi({}, needed=True)
    assert "--ssid" in error.value.remedy


def test_a_board_with_a_wire_needs_none() -> None:
    assert wishes.ask_for_wifi({"name": "x"}, needed=False) == {"name": "x"}


def test_secrets_are_masked() -> None:
    shown = wishes.mask({"ssid": "attic", "password": SECRET, "key": "vgw_x"})
    assert shown == {"ssid": "attic", "password": "***", "key": "***"}


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_a_file_without_a_secret_is_said(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "password"
    if text is not None:
        file.write_text(text)
    with pytest.raises(Trouble, match="password"):
        wishes.gather({}, None, file)


def test_an_address_is_made_a_url(tmp_path: Path) -> None:
    file = tmp_path / "kitchen.toml"
    file.write_text('gateway = "192.168.1.2:7860"\n')
    assert wishes.gather({}, file, None) == {"gateway": "http://192.168.1.2:7860"}
    assert wishes.gather({"gateway": "attic.lan/"}, file, None) == {"gateway": "http://attic.lan:7860"}


def test_a_file_that_is_no_toml_is_said_without_its_contents(tmp_path: Path) -> None:
    file = tmp_path / "kitchen.toml"
    file.write_text(f"password = {SECRET}")
    with pytest.raises(Trouble, match="no TOML") as error:
        wishes.gather({}, file, None)
    assert SECRET not in error.value.message
