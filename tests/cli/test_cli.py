"""The command, as a user's shell sees it."""

from __future__ import annotations

import json
import sys
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from gateway import __version__
from gateway.cli import main as cli
from tests.support.gateway import toml, voicegw, write_settings
from tests.support.offers import DIRECTORY, captured

COMMANDS = [
    [], ["serve"], ["talk"], ["devices"], ["devices", "add"], ["devices", "revoke"], ["doctor"], ["doctor", "sdp"],
    ["flash"], ["build"], ["provision"], ["monitor"],
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run a command in this process, which is ten times faster than in one of its own."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")

    def command(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["voicegw", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return Done(int(left.value.code or 0), captured.out, captured.err)

    return command


Run = Callable[..., Done]


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(write_settings(tmp_path, {}))


@pytest.fixture(autouse=True)
def _no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing on the ports of whoever runs this."""
    monkeypatch.setattr("serial.tools.list_ports.comports", list)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(run: Run, command: list[str]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0
    assert "Usage: " in done.stdout
    assert done.stderr == ""


def test_the_version_needs_no_command() -> None:
    done = voicegw("--version")
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


@pytest.mark.parametrize("value", ["LOGURU_LEVEL=debug", "LOGURU_AUTOINIT=x"])
def test_what_is_meant_for_a_bots_log_ends_no_command(config: str, value: str) -> None:
    name, _, given = value.partition("=")
    done = voicegw("devices", "--config", config, "--seconds", "0", "--json", extra={name: given})
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["serve", "--nonsense"], ["serve", "--port", "x"], ["devices", "add"]],
    ids=" ".join,
)
def test_wrong_usage_is_2(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_2_and_named(tmp_path: Path) -> None:
    path = tmp_path / "voicegw.toml"
    path.write_text(toml({"prot": 1}))
    done = voicegw("serve", "--config", str(path))
    assert done.returncode == 2
    assert "prot" in done.stderr
    assert "Traceback" not in done.stderr


# -- devices


def test_a_device_is_enrolled_listed_and_revoked(run: Run, config: str) -> None:
    added = run("devices", "--config", config, "add", "kitchen", "--json")
    assert added.returncode == 0
    device = json.loads(added.stdout)
    assert (device["name"], device["role"]) == ("kitchen", "device")
    assert device["key"].startswith("vgw_")
    listed = run("devices", "--config", config, "--seconds", "0", "--json")
    assert [(d["name"], d["state"]) for d in json.loads(listed.stdout)] == [("kitchen", "away")]
    assert device["key"] not in listed.stdout
    assert run("devices", "--config", config, "revoke", "kitchen").returncode == 0
    listed = run("devices", "--config", config, "--seconds", "0", "--json")
    assert [(d["name"], d["state"]) for d in json.loads(listed.stdout)] == [("kitchen", "revoked")]


def test_a_key_is_printed_on_a_line_of_its_own(config: str) -> None:
    done = voicegw("devices", "--config", config, "add", "kitchen", extra={"COLUMNS": "20"})
    assert [line for line in done.stdout.splitlines() if line.startswith("vgw_") and len(line) == 47]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["add", "a b"], 1, "is no device name"),
        (["add", "x", "--role", "king"], 2, "there is no role king"),
        (["revoke", "nobody"], 1, "there is no device nobody"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)
def test_what_cannot_be_done_is_said(
    run: Run, config: str, arguments: list[str], status: int, message: str
) -> None:
    done = run("devices", "--config", config, *arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_twice_is_refused(run: Run, config: str) -> None:
    run("devices", "--config", config, "add", "kitchen")
    done = run("devices", "--config", config, "add", "kitchen")
    assert done.returncode == 1
    assert "revoke it, or use another name" in done.stderr


def test_no_devices_is_said_in_words_and_in_json(run: Run, config: str) -> None:
    assert "Enrol one" in run("devices", "--config", config, "--seconds", "0").stdout
    assert json.loads(run("devices", "--config", config, "--seconds", "0", "--json").stdout) == []


def test_a_board_on_a_port_is_listed(run: Run, config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = ListPortInfo("/dev/ttyACM0")
    port.vid, port.pid = 0x303A, 0x1001
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [port])
    listed = json.loads(run("devices", "--config", config, "--seconds", "0", "--json").stdout)
    assert [(d["state"], d["address"]) for d in listed] == [("plugged in", "/dev/ttyACM0")]
    assert "Espressif" in listed[0]["board"]


def test_a_name_that_looks_like_markup_is_listed_as_it_is(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = ListPortInfo("/dev/ttyACM0")
    port.vid, port.description = 0x1234, "[/] 5:ab:6"
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [port])
    assert "([/] 5:ab:6)" in run("devices", "--config", config, "--seconds", "0").stdout


# -- doctor


def test_a_good_offer_is_0(run: Run) -> None:
    done = run("doctor", "sdp", str(DIRECTORY / "libpeer.sdp"))
    assert done.returncode == 0
    assert "Nothing" in done.stdout


def test_a_bad_one_is_1_with_line_and_limit(run: Run) -> None:
    done = run("doctor", "sdp", str(DIRECTORY / "chromium.sdp"))
    assert done.returncode == 1
    assert "line 50: candidates:" in done.stdout
    assert "a=candidate:" in done.stdout


def test_findings_come_as_json_too(run: Run) -> None:
    done = run("doctor", "sdp", "--json", str(DIRECTORY / "chromium.sdp"))
    assert done.returncode == 1
    [finding] = json.loads(done.stdout)
    assert (finding["line"], finding["rule"]) == (50, "candidates")


def test_standard_input_is_read_with_its_line_ends() -> None:
    assert voicegw("doctor", "sdp", "-", stdin=captured("libpeer")).returncode == 0
    done = voicegw("doctor", "sdp", "-", stdin=captured("libpeer").replace("\r\n", "\n"))
    assert done.returncode == 1
    assert "crlf" in done.stdout


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"v=\xff", b"v=0\r\n\x00", b"v=0\r\na=" + b"x" * 5_000], ids=repr
)
def test_what_is_no_sdp_is_1_and_said(run: Run, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.sdp"
    path.write_bytes(content)
    done = run("doctor", "sdp", str(path))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"v" * 1_000_001], ids=["gone", "half", "long"])
def test_what_cannot_be_read_is_2_and_named(run: Run, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.sdp"
    if content is not None:
        path.write_bytes(content)
    done = run("doctor", "sdp", str(path))
    assert (done.returncode, str(path) in done.stderr.replace("\n", "")) == (2, True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_an_offer_that_an_editor_of_windows_saved_is_read(run: Run, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x.sdp"
    path.write_bytes(captured("libpeer").encode(encoding))
    assert run("doctor", "sdp", str(path)).returncode == 0


# -- talk


def test_talk_says_that_there_is_no_gateway(tmp_path: Path) -> None:
    done = voicegw("talk", "--url", "http://127.0.0.1:9", str(question(tmp_path)))
    assert done.returncode == 3
    assert "no gateway answers at http://127.0.0.1:9" in done.stderr
    assert "voicegw serve" in done.stderr


def question(directory: Path) -> Path:
    path = directory / "question.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(bytes(3_200))
    return path


@pytest.mark.parametrize("content", [b"", b"nonsense", b"RIFF\x00\x00\x00\x00WAVE"], ids=repr)
def test_talk_says_that_a_question_is_no_wav(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    done = voicegw("talk", str(path))
    assert done.returncode == 1
    assert "cannot read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_gateway_that_is_not_there_is_said_so() -> None:
    found = voicegw("devices", "update", "kitchen", "--url", "http://127.0.0.1:9")
    assert found.returncode == 3
    assert "no gateway answers at http://127.0.0.1:9" in found.stderr
