from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools import build
from tools.errors import BuildError
from tools.releases.release import BUILD


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without ESP-IDF and containers."""
    monkeypatch.delenv("IDF_PATH", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr("shutil.which", {}.get)


def test_every_board_has_a_chip() -> None:
    assert {"xmini-c3", "s3-devkit"} <= set(build.boards())
    assert {build.chip_of(board)[:5] for board in build.boards()} == {"esp32"}


def test_a_board_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(BuildError, match="no board toaster") as error:
        build.chip_of("toaster")
    assert "xmini-c3" in error.value.remedy


def test_without_anything_it_says_how_to_get_it() -> None:
    with pytest.raises(BuildError, match="neither Docker nor Podman") as error:
        build.plan("xmini-c3", "esp32c3", container=False)
    assert "git clone -b release/v5.5" in error.value.remedy
    assert "install.sh esp32c3" in error.value.remedy


def test_an_installed_idf_is_used(tmp_path: Path) -> None:
    (tmp_path / "esp" / "esp-idf" / "tools").mkdir(parents=True)
    (tmp_path / "esp" / "esp-idf" / "tools" / "idf.py").touch()
    export = tmp_path / "esp" / "esp-idf" / "export.sh"
    export.write_text('idf.py() { echo "idf.py $*"; }\n')
    compile_it, release = build.plan("xmini-c3", "esp32c3", container=False)
    done = subprocess.run(compile_it, capture_output=True, text=True, check=True)
    assert done.stdout == "idf.py -B build/xmini-c3 -D BOARD=xmini-c3 -D IDF_TARGET=esp32c3 build\n"
    assert release[1:] == [
        str(build.FIRMWARE / "tools" / "release.py"),
        "--build",
        str(BUILD / "xmini-c3"),
    ]


def test_the_keys_that_it_knows_are_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name == "docker" else None)
    keys = ["ab" * 32, "cd" * 32]
    command = build.plan("xmini-c3", "esp32c3", container=False, makers=keys)[0]
    assert f" -D FIRMWARE_KEYS={keys[0]},{keys[1]} build" in command[-1]


def test_on_windows_no_quote_stands_within_a_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    idf = tmp_path / "Ada L" / "esp" / "esp-idf"
    (idf / "tools").mkdir(parents=True)
    (idf / "tools" / "idf.py").touch()
    monkeypatch.setenv("IDF_PATH", str(idf))
    monkeypatch.setattr("sys.platform", "win32")
    line = subprocess.list2cmdline(build.plan("xmini-c3", "esp32c3", container=False)[0])
    assert f'&& call "{idf / "export.bat"}" && idf.py -B build/xmini-c3 ' in line
    assert "\\" not in line


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_a_container_is_used_where_there_is_none(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{engine}" if name == engine else None)
    compile_it = list(build.plan("xmini-c3", "esp32c3", container=False)[0])
    assert compile_it[:3] == [f"/usr/bin/{engine}", "run", "--rm"]
    assert f"{build.FIRMWARE.parent}:/project" in compile_it
    assert "docker.io/espressif/idf:v5.5" in compile_it
