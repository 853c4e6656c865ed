"""`voicegw flash --build` in a checkout, with an ESP-IDF that is quick: it copies what it would have built."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest

from tests.tools import boards
from tests.tools.boards import ROOT, Run
from tests.tools.published_files import VERSION
from tools.releases import signing, sources

pytestmark = [pytest.mark.usefixtures("firmware"), pytest.mark.timeout(300)]
DRY = ("--dry-run", "--no-enrol", "--no-wifi", "--json")
EXPORT = """
idf.py() {{
    echo "compiling: $*"
    mkdir -p build/xmini-c3
    cp -r '{built}'/. build/xmini-c3/
}}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the tools need of one, in which nothing was built yet."""
    made = tmp_path / "checkout"
    for part in ("ground", "tools", "firmware/tools", "firmware/components/boards"):
        shutil.copytree(ROOT / part, made / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", made)
    return made


@pytest.fixture
def idf(tmp_path: Path) -> dict[str, str]:
    """The environment that leads to it."""
    built = boards.release(tmp_path / "built", version=VERSION)
    about = json.loads((built / "manifest.json").read_text())
    (built / "manifest.json").unlink()
    files = {hex(part["offset"]): part["path"] for part in about["files"]}
    by_name = {name: {"offset": at, "file": name} for at, name in files.items()}
    args = {
        "flash_settings": {name: about[name] for name in ("flash_mode", "flash_size", "flash_freq")},
        "flash_files": files, "app": by_name["voicegw.bin"], "partition-table": by_name["partition-table.bin"],
    }  # fmt: skip
    (built / "flasher_args.json").write_text(json.dumps(args))
    (tmp_path / "idf" / "tools").mkdir(parents=True)
    (tmp_path / "idf" / "tools" / "idf.py").touch()
    (tmp_path / "idf" / "export.sh").write_text(EXPORT.format(built=built))
    return {"IDF_PATH": str(tmp_path / "idf")}


def steps(run: Run) -> dict[str, str]:
    return {e["step"]: e["text"] for e in run.events if e["event"] == "step"}


def test_it_is_built_for_the_board_that_is_plugged_in_and_taken_from_then_on(
    checkout: Path, idf: dict[str, str], tmp_path: Path, firmware_key: Path
) -> None:
    taken = f"xmini-c3 {VERSION} from {checkout / 'firmware' / 'build' / 'xmini-c3'}"
    with boards.board(tmp_path / "board") as there:
        none = boards.run("tools.flash", "--port", there.url, *DRY, package=checkout)
        built = boards.run("tools.flash", "--port", there.url, *DRY, "--build", package=checkout, extra=idf)
        again = boards.run("tools.flash", "--port", there.url, *DRY, package=checkout)
    assert none.last["cause"] == f"this package knows no published firmware of its version {VERSION}"
    assert "--build" in none.last["remedy"]
    assert built.status == 0, built.out + built.err
    assert steps(built)["build"].startswith(
        "xmini-c3, "
    )  # of two boards with an ESP32-C3, one is an emulator's
    assert "compiling" in built.err
    assert steps(built)["image"] == steps(again)["image"] == taken
    assert "build" not in steps(again)
    about = sources.in_directory(checkout / "firmware" / "build" / "xmini-c3")[0].manifest
    [own] = signing.makers(about)
    assert f"-D FIRMWARE_KEYS={own} build" in built.err
    assert stat.S_IMODE(firmware_key.stat().st_mode) == 0o600
    told = [e["settings"] for e in again.events if e.get("step") == "settings"]
    assert [settings["firmware_key"] for settings in told] == [own]


def test_for_a_board_with_another_chip_nothing_is_built(checkout: Path, tmp_path: Path) -> None:
    with boards.board(tmp_path / "board") as there:
        wanted = [*DRY, "--build", "--board", "s3-devkit"]
        done = boards.run("tools.flash", "--port", there.url, *wanted, package=checkout)
    assert done.last["cause"] == "this board has an esp32c3, and s3-devkit has an esp32s3"


def test_a_source_and_a_build_exclude_each_other(checkout: Path) -> None:
    done = boards.run("tools.flash", *DRY, "--build", "--image", str(checkout), package=checkout)
    assert done.last["cause"] == "--image and --build exclude each other"
