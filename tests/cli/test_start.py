"""What goes wrong when a command starts, on machines on which it really does."""

from __future__ import annotations

import contextlib
import errno
import http.server
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gateway.front.discovery import Found
from tests.cli.test_cli import Run, config, run
from tests.support.gateway import environment, voicegw, write_settings
from tests.support.machine import FULL, NOBODY, READ_ONLY, open_to_all, possible
from tests.support.waiting import PATIENCE

__all__ = ["config", "run"]
only_root = pytest.mark.skipif(not possible(), reason="only root can make such machines")


def started(
    prefix: list[str],
    *arguments: str,
    extra: Mapping[str, str],
    stdout: int | None = subprocess.PIPE,
    cwd: Path = Path("/"),
) -> tuple[int, str, str]:
    """Run a command with no home; its status and what it printed."""
    kept = {k: v for k, v in environment({"NO_COLOR": "1", "COLUMNS": "100", **extra}).items() if k != "HOME"}
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "gateway", *arguments],
        env={**kept, **({"HOME": extra["HOME"]} if "HOME" in extra else {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout or "", done.stderr


def two_lines(said: str) -> bool:
    """An error, and what to do about it: nothing else."""
    lines = said.splitlines()
    return len(lines) == 2 and lines[0].startswith("error: ") and bool(lines[1].strip())


@only_root
@pytest.mark.parametrize(
    ("prefix", "home", "said"),
    [
        (READ_ONLY, "/mnt", "is on a file system that is read-only"),
        (FULL, "/mnt", "the disk is full"),
        (NOBODY, "/", "permission denied"),
        (NOBODY, None, "there is no home for ~/.local/share/voicegw"),
    ],
    ids=["read-only", "full", "not ours", "no home"],
)
@pytest.mark.parametrize(
    "command", [["serve", "--port", "0"], ["devices", "--seconds", "0"], ["devices", "add", "x"]]
)
def test_where_nothing_can_be_kept_is_one_line_and_a_remedy(
    prefix: list[str], home: str | None, said: str, command: list[str]
) -> None:
    status, out, err = started(prefix, *command, extra={"HOME": home} if home else {})
    assert (status, out, two_lines(err)) == (2, "", True), err
    assert said in err


@only_root
def test_the_recognisers_cache_is_looked_at_likewise(tmp_path: Path) -> None:
    extra = {"VOICEGW_DATA_DIR": str(tmp_path), "VOICEGW_CACHE_DIR": "/mnt"}
    status, out, err = started(FULL, "serve", "--port", "0", "--host", "127.0.0.1", extra=extra)
    assert (status, out) == (2, "")
    assert "cache_dir /mnt cannot be used: the disk is full" in err
    assert "Traceback" not in err


@only_root
@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["talk", "--url", "http://127.0.0.1:9"], 3),
        (["doctor", "--gateway", "http://127.0.0.1:9"], 1),
        (["build", "--board", "xmini-c3", "--dry-run", "--container"], None),
        (["flash", "--port", "/dev/none", "--no-wifi"], 1),
        (["provision", "--port", "/dev/none"], 1),
        (["monitor", "--port", "/dev/none"], 1),
    ],
    ids=lambda x: x[0] if isinstance(x, list) else "",
)
def test_a_user_of_whom_the_system_knows_a_number_only_may_do_the_rest(
    command: list[str], status: int | None
) -> None:
    found, _, err = started(NOBODY, *command, extra={})
    assert "Traceback" not in err
    assert found == status if status is not None else found in {0, 1}  # as there are containers here, or none


@only_root
@pytest.mark.parametrize(
    "command",
    [["devices", "add", "kitchen"], ["talk", "--url", "http://127.0.0.1:9"], ["serve", "--port", "0"]],
    ids=lambda x: x[0],
)
def test_a_working_directory_that_may_not_be_entered_is_said(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "voicegw.toml").write_text("port = 1")
    tmp_path.chmod(0o700)
    status, out, err = started(NOBODY, *command, extra={}, cwd=tmp_path)
    assert (status, out, two_lines(err)) == (2, "", True), err
    assert "whether there is a voicegw.toml here cannot be told" in " ".join(err.split())


@only_root
@pytest.mark.parametrize(
    "command",
    [
        ["serve", "--config", "{}/voicegw.toml"],
        ["devices", "--config", "{}/voicegw.toml", "add", "x"],
        ["bot", "check", "{}/b.py"],
        ["flash", "--image", "{}/release", "--port", "/dev/none", "--no-wifi"],
        ["flash", "--image", "{}", "--port", "/dev/none", "--no-wifi"],
        ["monitor", "--elf", "{}/firmware.elf", "--port", "/dev/none"],
        ["identity", "export", "{}/identity.pem"],
        ["nats", "{}", "--address", "nats.lan"],
    ],
    ids=" ".join,
)
def test_a_file_where_nobody_may_look_is_said(tmp_path: Path, command: list[str]) -> None:
    for name in ("voicegw.toml", "b.py", "firmware.elf"):
        (tmp_path / name).touch()
    tmp_path.chmod(0o700)
    with open_to_all() as home:
        given = [word.format(tmp_path) for word in command]
        found, _, err = started(NOBODY, *given, extra={"HOME": str(home), "COLUMNS": "300"})
    assert (found, two_lines(err)) == (2, True), err
    assert "permission denied" in err


@only_root
def test_folders_of_others_on_the_way_to_what_is_looked_for_are_passed_by(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with open_to_all() as folder:
        (folder / "shut").mkdir(mode=0o700)
        status, _, err = started(NOBODY, "bot", "check", "nothere", extra={}, cwd=folder)
        assert (status, "there is no module nothere" in " ".join(err.split())) == (2, True), err
    status, _, err = started(
        NOBODY, "doctor", "--gateway", "http://127.0.0.1:9", extra={"HOME": str(tmp_path / "home")}
    )
    assert (status, "Traceback" in err) == (1, False), err


def test_what_the_environment_cannot_hold_is_said(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GREETING=\u20ac", "utf-8")
    narrow = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "HOME": str(tmp_path)}
    status, out, err = started([], "devices", "add", "x", extra=narrow, cwd=tmp_path)
    assert (status, out, two_lines(err), "cannot hold GREETING" in err) == (2, "", True, True), err


def test_settings_of_a_pipe_are_read_once(tmp_path: Path) -> None:
    line = (
        f"{sys.executable} -m gateway devices --config <(echo 'data_dir = \"{tmp_path}/piped\"') add kitchen"
    )
    kept = environment({"HOME": str(tmp_path / "home")})
    done = subprocess.run(["bash", "-c", line], env=kept, capture_output=True, text=True, check=False)
    assert (done.returncode, (tmp_path / "piped" / "devices.db").is_file()) == (0, True), done.stderr


def test_a_working_directory_that_is_gone_hinders_no_bot(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    for bot, status in (("echo", 0), ("nothere", 2)):
        line = f"cd {gone}; rmdir {gone}; {sys.executable} -m gateway bot check {bot}"
        done = subprocess.run(
            ["bash", "-c", line], env=environment(), capture_output=True, text=True, check=False
        )
        assert (done.returncode, "Error" in done.stderr) == (status, False), done.stderr
        gone.mkdir()


@pytest.mark.parametrize("command", [["devices", "--seconds", "0"], ["serve", "--port", "0"]])
def test_a_registry_that_is_none_is_one_line_and_a_remedy(
    run: Run, tmp_path: Path, command: list[str]
) -> None:
    path = write_settings(tmp_path, {})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "devices.db").write_text("nonsense" * 999)
    name, *rest = command
    done = run(name, "--config", str(path), *rest)
    assert (done.returncode, done.stdout, two_lines(done.stderr)) == (2, "", True), done.stderr
    assert "it is no database" in done.stderr


def test_a_revocation_that_could_not_be_stored_is_said(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.front.registry_file._WAIT_SECONDS", 0.0)
    chosen = str(write_settings(tmp_path, {}))
    run("devices", "--config", chosen, "add", "kitchen")
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "devices.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = run("devices", "--config", chosen, "revoke", "kitchen")
    assert (done.returncode != 0, done.stdout, two_lines(done.stderr)) == (True, "", True)
    listed = json.loads(run("devices", "--config", chosen, "--seconds", "0", "--json").stdout)
    assert [(d["name"], d["state"]) for d in listed] == [("kitchen", "away")]


# -- URLs and keys

URL_COMMANDS = [
    ["talk"],
    ["page"],
    ["devices", "tell", "kitchen", "reboot"],
    ["devices", "update", "kitchen"],
]


@pytest.mark.parametrize("command", URL_COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "url", ["", "ws://127.0.0.1:9", "http://", "http://me:hunter2@127.0.0.1:9", "http://a b"]
)
def test_a_url_that_cannot_be_asked_is_said_as_that(run: Run, command: list[str], url: str) -> None:
    done = run(*command, "--url", url)
    assert (done.returncode, two_lines(done.stderr)) == (2, True), done.stderr
    assert "give it as http://HOST:7860" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("command", [["flash", "--no-wifi"], ["doctor"]], ids=" ".join)
def test_a_tools_gateway_likewise(run: Run, command: list[str]) -> None:
    done = run(*command, "--gateway", "ws://127.0.0.1:9")
    assert done.returncode in {1, 2}
    assert "a gateway is not asked over ws" in done.stderr + done.stdout


@pytest.mark.parametrize("command", URL_COMMANDS[1:], ids=" ".join)
def test_an_address_without_a_scheme_is_taken(run: Run, command: list[str]) -> None:
    done = run(*command, "--url", "127.0.0.1:9")
    assert (done.returncode, "no gateway answers at http://127.0.0.1:9" in done.stderr) == (3, True)


@pytest.mark.parametrize("content", [b"vgw_a\nvgw_b\n", "vgw_\u00fc".encode(), b"\xff", b"", None])
def test_a_key_that_cannot_be_sent_is_said_with_its_file(
    run: Run, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    for command in URL_COMMANDS:
        done = run(*command, "--url", "127.0.0.1:9", "--key-file", str(path))
        assert (done.returncode, two_lines(done.stderr), str(path) in done.stderr) == (2, True, True), (
            done.stderr
        )


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of a program that speaks HTTP and is no gateway."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"SOMEBODY ELSE")

        do_POST = do_GET  # noqa: N815 -- http.server's

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_another_program_that_answers_is_said_to_be_none(run: Run, stranger: int) -> None:
    done = run("devices", "tell", "kitchen", "reboot", "--url", f"127.0.0.1:{stranger}")
    assert (done.returncode, two_lines(done.stderr)) == (3, True)
    assert f"what answers at http://127.0.0.1:{stranger} is no gateway" in done.stderr


# -- the terminal

NAMES = ["Küche ☕", "[red]x[/red]", "\x1b[31mred\x1b]0;title\x07", "turned\u202ekcab", "two\nlines"]


def test_names_of_the_lan_are_shown_and_command_nothing(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scan(*_: object) -> list[Found]:
        return [Found(name, "10.0.0.2", 9, {"board": "\x1b[2Jboard"}) for name in NAMES]

    monkeypatch.setattr("gateway.front.discovery.scan", scan)
    monkeypatch.setattr("gateway.front.discovery.lan_addresses", lambda: ["10.0.0.1"])
    shown = run("devices", "--config", config, "--seconds", "0").stdout
    assert [line.split("not enrolled")[0].strip() for line in shown.splitlines()[1:]] == [
        "Küche ☕", "[red]x[/red]", "red", "turnedkcab", "two lines",
    ]  # fmt: skip
    assert shown.replace("\n", "").isprintable()
    assert all(" board " in line for line in shown.splitlines()[1:])
    as_json = json.loads(run("devices", "--config", config, "--seconds", "0", "--json").stdout)
    assert [row["name"] for row in as_json] == NAMES


def test_who_is_enrolled_is_listed_where_the_lan_cannot_be_heard(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scan(*_: object) -> list[Found]:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr("gateway.front.discovery.scan", scan)
    monkeypatch.setattr("gateway.front.discovery.lan_addresses", lambda: ["10.0.0.1"])
    run("devices", "--config", config, "add", "kitchen")
    done = run("devices", "--config", config, "--seconds", "0", "--json")
    assert [row["name"] for row in json.loads(done.stdout)] == ["kitchen"]
    assert "another program holds UDP port 5353" in done.stderr


def piped(command: str, config: str, **extra: str) -> subprocess.CompletedProcess[bytes]:
    """A command of `voicegw` as a line of a shell."""
    line = f"set -o pipefail; {command.replace('voicegw', f'{sys.executable} -m gateway')}"
    kept = environment({"NO_COLOR": "1", "CONFIG": config, **extra})
    return subprocess.run(["bash", "-c", line], env=kept, capture_output=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize(
    "command",
    [
        "voicegw devices --config $CONFIG --seconds 0 | true",
        "voicegw --help | true",
        "voicegw devices --help | head -1",
    ],
)
def test_a_reader_that_has_gone_leaves_no_trace(config: str, command: str) -> None:
    assert piped(command, config).stderr == b""


def test_standard_output_may_be_closed_or_full(config: str) -> None:
    listing = "voicegw devices --config $CONFIG --seconds 0"
    closed = piped(f"{listing} >&-", config)
    assert (closed.returncode, closed.stderr) == (0, b"")
    if Path("/dev/full").exists():
        full = piped(f"{listing} >/dev/full", config)
        assert (full.returncode, full.stderr.splitlines()[0]) == (
            2,
            b"error: nothing can be printed: the disk is full",
        )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_help_is_shown_in_any_encoding(encoding: str) -> None:
    done = voicegw("devices", "--help", extra={"PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, "")
