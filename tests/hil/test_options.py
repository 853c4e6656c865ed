"""What a run asks for that is not here: one line, with what to do, before anything is built or started."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil import options
from hil.errors import Unusable
from hil.gateway import ROOT
from hil.simboard.demo import facts, write_release

NOTHING = "/dev/no-such-port"
POWER = ("--backend", "serial", "--power-command")


@pytest.fixture
def a_port() -> Iterator[str]:
    """The path of a terminal, which opens as a port does."""
    ours, theirs = pty.openpty()
    yield os.ttyname(theirs)
    os.close(theirs)
    os.close(ours)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The rig as a maker starts it."""
    return subprocess.run(
        [sys.executable, "-m", "hil", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize(
    ("asked", "named", "remedy"),
    [
        (["--port", NOTHING], f"there is no port {NOTHING}", "see: voicegw devices"),
        (["--port", "/dev/null"], "/dev/null cannot be opened", "cable"),
        (["--port", "rfc2217://127.0.0.1:9"], "rfc2217://127.0.0.1:9 cannot be reached", "server runs"),
        (["--board", "nothing"], "there is no board nothing", "there are c5-devkit"),
        (["--backend", "nothing"], "there is no backend nothing", "choose one of simulated"),
        (["--backend", ""], "argument --backend: its value is empty", "leave it out"),
        (["--backend", "serial"], "no --port", "name the board's"),
        (["--backend", "qemu"], "no --release", "firmware/tools/release.py"),
        (
            ["--backend", "simboard", "--port", NOTHING],
            "--port means nothing with backend simboard",
            "serial",
        ),
        (["--port", ""], "argument --port: its value is empty", "leave it out"),
        (["--port", ","], "--port names no port", "/dev/ttyACM0"),
        (["--port"], "argument --port: expected one argument", "--help"),
        (["--host", "127.0.0.1"], "--host means nothing with backend simboard", "--backend serial"),
        (
            ["--backend", "serial", "--host", "nowhere"],
            "--host nowhere is no IPv4 address of this",
            "ip -4 addr",
        ),
        (["--backend", "serial", "--host", "192.0.2.1"], "--host 192.0.2.1 is no IPv4 address", "ip -4 addr"),
        (["--backend", "serial", "--host", "0.0.0.0"], "--host 0.0.0.0 is no IPv4 address", "ip -4 addr"),
        ([*POWER, "/no/such {action}"], "there is no program /no/such (--power-command)", "give its path"),
        ([*POWER, "true"], "--power-command true does not say {action}", "on or off"),
        ([*POWER, "true '{action}"], "--power-command true '{action} is no command", "close what it opens"),
        (["--gateway", ""], "argument --gateway: its value is empty", "leave it out"),
        (["--gateway", "http://127.0.0.1:9"], "no gateway answers at http://127.0.0.1:9", "start it"),
        (["--slack", "0"], "argument --slack: '0' is no factor", "above 0"),
        (["--slack", "-1"], "argument --slack: '-1' is no factor", "above 0"),
        (["--slack", "nan"], "argument --slack: 'nan' is no factor", "above 0"),
        (["--slack", "inf"], "argument --slack: 'inf' is no factor", "above 0"),
        (["--slack", "much"], "argument --slack: 'much' is no factor", "above 0"),
        (["--run", ""], "argument --run: its value is empty", "leave it out"),
        (["--bakend", "simulated"], "unrecognized arguments: --bakend", "--help"),
        (["-k", "no_such_test"], "no test of the suite is chosen by -k no_such_test", "--collect-only"),
        (["hil/suite/test_nothing.py"], "file or directory not found: hil/suite/test_nothing.py", "--help"),
        (["--release", "/nowhere"], "/nowhere is no release", "firmware/tools/release.py"),
        (["--sim-binary", "/nowhere"], "there is no /nowhere", "build it"),
        (["--against", "/nowhere"], "no run in /nowhere", "name a folder"),
        (["--sim-binary", "/etc/passwd"], "/etc/passwd is no program", "give a build of voicesim"),
        (["--soak", "10"], "'10' is no duration", "write 90s"),
        (["--soak=-5m"], "'-5m' is no duration", "write 90s"),
        (["--soak", "infh"], "'infh' is no duration", "write 90s"),
    ],
)
def test_what_is_not_here_is_said_in_one_line(
    tmp_path: Path, asked: list[str], named: str, remedy: str
) -> None:
    done = run("--run", str(tmp_path / "run"), *asked)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: {named}")
    assert remedy in line
    assert not (tmp_path / "run").exists()


def test_one_missing_board_of_a_bench_starts_none(tmp_path: Path, a_port: str) -> None:
    for ports in ([a_port, NOTHING], [f"{a_port} {NOTHING}"], [NOTHING, a_port]):
        done = run("--run", str(tmp_path / "run"), *[x for port in ports for x in ("--port", port)])
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: there is no port {NOTHING}")
        assert not (tmp_path / "run").exists()


def test_a_board_that_is_named_twice_is_said(tmp_path: Path, a_port: str) -> None:
    (tmp_path / "board").symlink_to(a_port)
    for ports in ([a_port, a_port], [a_port, str(tmp_path / "board")]):
        done = run("--check", *[x for port in ports for x in ("--port", port)])
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"error: --port {ports[1]} is there twice; name each board once\n"


def test_a_wifi_that_no_board_takes_is_said(tmp_path: Path) -> None:
    done = run("--run", str(tmp_path / "run"), "--wifi", "x" * 33)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ssid is longer than 32 bytes\n")


@pytest.mark.parametrize("written", ["{}", "no JSON", '{"facts": {}, "results": [{"name": "other"}]}'])
def test_an_earlier_run_that_is_none_is_said(tmp_path: Path, written: str) -> None:
    (tmp_path / "results.json").write_text(written)
    done = run("--run", str(tmp_path / "run"), "--against", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path / 'results.json'} is no record of a run; name a folder")


def test_a_release_that_is_not_whole_is_said(tmp_path: Path) -> None:
    release = write_release(tmp_path / "release", facts("xmini-c3"), "1.2.3")
    (release / "voicegw.bin").write_bytes(b"")
    done = run("--check", "--release", str(release))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {release} is no release: voicegw.bin has 0 bytes")


def test_what_is_here_is_no_complaint(a_port: str) -> None:
    assert run("--check").returncode == 0
    assert run("--check", *POWER, "true {action}", "--port", a_port, "--host", "127.0.0.1").returncode == 0
    assert run("--check", "--port", a_port, "--board", "xmini-c3", "-k", "echo").returncode == 0


@pytest.mark.parametrize(
    ("board", "program", "package"),
    [
        ("qemu", "qemu-system-riscv32", "qemu-riscv32"),
        ("qemu-s3", "qemu-system-xtensa", "qemu-xtensa"),
    ],
)
def test_the_emulator_is_the_one_of_the_releases_chip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: str, program: str, package: str
) -> None:
    release = write_release(tmp_path / "release", facts(board), "1.2.3")
    parser = ArgumentParser()
    options.add_options(parser.add_argument)
    asked = parser.parse_args(["--backend", "qemu", "--release", str(release)])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unusable, match=f"{program} is not on PATH; .* install {package},"):
        options.check(asked, [])
    (tmp_path / program).symlink_to(sys.executable)
    options.check(asked, [])
    with pytest.raises(Unusable, match="no-qemu is not on PATH"):
        options.check(asked, [], qemu="no-qemu")


def test_make_looks_before_it_builds(tmp_path: Path) -> None:
    log = tmp_path / "make.log"
    own = f"BIN={Path(sys.executable).parent}"
    done = subprocess.run(
        ["make", "-o", "set-up-test", "hil", own, f"PORT={NOTHING}", f"ARGS=--run {log}"],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 2
    first, *rest = done.stderr.splitlines()
    assert first.startswith(f"error: there is no port {NOTHING}")
    assert all(line.startswith("make") for line in rest)
    assert done.stdout == ""


def test_what_make_has_had_looked_at_is_not_looked_at_again(tmp_path: Path) -> None:
    """Pytest says itself what it finds none by; it has collected once by then, and not twice."""
    chosen = ("-k", "nothing_of_that_name", "--run", str(tmp_path / "run"))
    assert (run("--check", *chosen).returncode, run("--checked", *chosen).returncode) == (2, 5)
    lines = subprocess.run(["make", "-n", "hil"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[-1] for line in lines.splitlines() if "-m hil" in line] == ["--check", "--checked"]


@pytest.mark.parametrize(("text", "wanted"), [("90s", 90), ("10m", 600), ("8h", 28_800), ("off", 0)])
def test_a_duration_is_read(text: str, wanted: float) -> None:
    assert options.seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "ten", "10", "10d", "0m", "nans", "9" * 400 + "h"])
def test_what_is_no_duration_says_how_to_write_one(text: str) -> None:
    with pytest.raises(Unusable, match="10m"):
        options.seconds(text)


def test_a_boards_facts_tell_what_it_can_do() -> None:
    assert "wifi" in options.capabilities_of("xmini-c3")
    assert "display" in options.capabilities_of("esp32-s3-box-3")
    assert "display" not in options.capabilities_of("xmini-c3")
    with pytest.raises(Unusable, match=r"no board nonesuch; there are .*xmini-c3"):
        options.capabilities_of("nonesuch")
