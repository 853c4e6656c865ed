from __future__ import annotations

import re
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from ground import operator
from tests.packaging.installed import ROOT, Installed, build, files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = [name.removesuffix("*") for name in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel(built: tuple[Path, str]) -> Path:
    return built[0]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed.of(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def gateway(installed: Installed) -> Iterator[str]:
    with installed.serving() as listening:
        yield listening["url"]


def test_the_build_warns_of_nothing(built: tuple[Path, str]) -> None:
    assert not re.search(r"warning|deprecat", built[1], re.IGNORECASE), built[1]


def test_it_holds_every_file_of_its_packages_and_nothing_else(wheel: Path) -> None:
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == set(files(*PACKAGES))


def test_an_image_is_made_of_the_same_packages() -> None:
    let_in = (ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{package}" for package in PACKAGES} <= set(let_in)


def test_every_command_is_there_from_any_directory(installed: Installed) -> None:
    done = installed.run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("serve", "talk", "devices", "doctor", "monitor", "provision", "flash", "build"):
        assert command in done.stdout


NOWHERE = ["--port", "/dev/nowhere"]  # never a board that happens to be plugged in


@pytest.mark.parametrize(
    "command",
    [
        ["devices", "add", "kitchen"],
        ["devices", "--seconds", "0"],
        ["doctor", "--help"],
        ["monitor", *NOWHERE],
        ["provision", *NOWHERE],
        ["flash", *NOWHERE],
    ],
)
def test_a_command_does_its_work_or_says_why_not(installed: Installed, command: list[str]) -> None:
    done = installed.run(*command)
    assert "Traceback" not in done.stderr
    assert done.returncode == int("/dev/nowhere" in command), done.stderr
    assert done.stdout or done.stderr


def test_what_needs_the_checkout_says_so(installed: Installed) -> None:
    done = installed.run("build", "--board", "xmini-c3")
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


def test_the_page_and_all_that_it_asks_for_are_served(gateway: str) -> None:
    headers = {"Authorization": f"Bearer {operator.secret_for(gateway)}"}
    with httpx.Client(base_url=gateway, headers=headers, trust_env=False, timeout=30) as http:
        assert http.get("/api/state").json()["sessions"] == []
        page = http.get("/").raise_for_status().text
        found = set(re.findall(r'(?:src|href)="(/[^"#]+)"', page))
        assert {path for path in found if path.startswith("/web/")}
        for path in [*found, "/flash", "/client/", *(f"/web/js/{p.name}" for p in _scripts())]:
            assert http.get(path).is_success, path


def _scripts() -> list[Path]:
    return sorted((ROOT / "gateway" / "web" / "js").glob("*.js"))


def test_a_question_is_answered(installed: Installed, gateway: str) -> None:
    """On a busy machine the answer may come too late for who asked, or a word that a stall tore off be heard."""
    for _ in range(3):
        done = installed.run("talk", "--url", gateway)
        assert "Traceback" not in done.stderr, done.stderr
        if 'said="Twelve times seven is eighty four."' in done.stdout:
            assert 'what is twelve times seven" said=' in done.stdout
            assert re.search(r"first_audio_ms=\d+$", done.stdout, re.MULTILINE)
            return
    raise AssertionError(done.stdout + done.stderr + (installed.elsewhere / "log").read_text())


def test_the_service_manager_is_told_when_it_answers(installed: Installed, tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        with installed.serving(NOTIFY_SOCKET=str(address), VOICEGW_BOT="echo") as listening:
            assert manager.recv(100) == b"READY=1"
            assert httpx.get(f"{listening['url']}/healthz", trust_env=False).is_success


def test_a_gateway_in_a_container_is_asked_how_it_does(installed: Installed, gateway: str) -> None:
    port = gateway.rsplit(":", 1)[1]

    def asked(**settings: Any) -> int:
        return subprocess.run(
            [installed.environment / "bin" / "python", ROOT / "packaging" / "container" / "healthy.py"],
            cwd=installed.elsewhere / "..", env={**installed.variables(), **settings}, check=False,
        ).returncode  # fmt: skip

    assert asked(VOICEGW_PORT=port) == 0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert asked(VOICEGW_PORT=str(silent.getsockname()[1])) == 1
    assert asked(VOICEGW_PORT="1") == 1
