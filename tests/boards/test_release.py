"""From a build to a release directory, with images as ESP-IDF makes them."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway.front.releases import Releases
from tests.support.board_flash import make_image
from tools.releases import sources

BOARD = "xmini-c3"


def table(boards: ModuleType, megabytes: int = 16) -> bytes:
    kinds = {"app": 0, "data": 1, "ota_0": 16, "ota_1": 17, "nvs": 2, "ota": 0, "phy": 1, "coredump": 3}
    entries = b"".join(
        struct.pack(
            "<HBBII16sI", 0x50AA, kinds[p.type], kinds[p.subtype], p.offset, p.size, p.name.encode(), 0
        )
        for p in boards.layout(megabytes).partitions
    )
    return entries.ljust(0xC00, b"\xff")


@pytest.fixture
def build(boards: ModuleType, tmp_path: Path) -> Path:
    """What `idf.py build` leaves behind."""
    folder = tmp_path / "build"
    (folder / "bootloader").mkdir(parents=True)
    (folder / "partition_table").mkdir()
    (folder / "bootloader" / "bootloader.bin").write_bytes(make_image("0", size=20_000))
    (folder / "partition_table" / "partition-table.bin").write_bytes(table(boards))
    (folder / "ota_data_initial.bin").write_bytes(b"\xff" * 0x2000)
    (folder / "voicegw.bin").write_bytes(make_image("0.2.0"))
    files = {
        "0x0": "bootloader/bootloader.bin",
        "0x20000": "voicegw.bin",
        "0x8000": "partition_table/partition-table.bin",
        "0xf000": "ota_data_initial.bin",
    }
    args = {
        "flash_settings": {"flash_mode": "dio", "flash_size": "16MB", "flash_freq": "80m"},
        "flash_files": files,
        "app": {"offset": "0x20000", "file": "voicegw.bin"},
        "partition-table": {"offset": "0x8000", "file": "partition_table/partition-table.bin"},
    }
    (folder / "flasher_args.json").write_text(json.dumps(args))
    return folder


def test_a_release_says_what_it_holds(release: ModuleType, build: Path, tmp_path: Path) -> None:
    folder = release.make(build, tmp_path / "releases")
    assert folder.name == f"{BOARD}-0.2.0"
    about = json.loads((folder / "manifest.json").read_text())
    assert (about["board"], about["chip"], about["version"]) == (BOARD, "esp32c3", "0.2.0")
    assert about["nvs"] == {"offset": 36_864, "size": 24_576}
    assert [f["offset"] for f in about["files"]] == [0, 0x8000, 0xF000, 0x20000]
    for entry in about["files"]:
        data = (folder / entry["path"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["size"], entry["sha256"])


def test_those_who_take_it_understand_it(release: ModuleType, build: Path, tmp_path: Path) -> None:
    release.make(build, tmp_path / "releases")
    assert Releases(tmp_path / "releases").find(BOARD).image("voicegw.bin").offset == 0x20000
    [found] = sources.find(str(tmp_path / "releases"))
    assert found.manifest.board == BOARD
    assert set(found.load()) == {
        "bootloader.bin", "partition-table.bin", "ota_data_initial.bin", "voicegw.bin",
    }  # fmt: skip


def test_beside_the_build_it_is_found_as_well(release: ModuleType, build: Path) -> None:
    assert release.make(build, None) == build
    assert sources.find(str(build.parent))[0].manifest.version == "0.2.0"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"board": "s3-devkit"}, "not for s3-devkit"),
        ({"board": "toaster"}, "toaster, which has no file"),
        ({"chip": 9}, "an esp32c3"),
        ({"size": 4_300_000}, "a slot 4194304"),
    ],
)
def test_what_does_not_belong_together_is_no_release(
    release: ModuleType, build: Path, change: dict[str, Any], complaint: str
) -> None:
    (build / "voicegw.bin").write_bytes(make_image("0.2.0", **change))
    with pytest.raises(release.ReleaseError, match=complaint):
        release.make(build, None)
    assert not (build / "manifest.json").exists()


def test_the_partition_table_is_the_boards(release: ModuleType, boards: ModuleType, build: Path) -> None:
    (build / "partition_table" / "partition-table.bin").write_bytes(table(boards, 4))
    with pytest.raises(release.ReleaseError, match="16MB"):
        release.make(build, None)


@pytest.mark.parametrize("damage", ["flasher_args.json", "voicegw.bin"])
def test_a_build_that_is_not_finished(
    release: ModuleType, build: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (build / damage).unlink()
    assert release.main(["--build", str(build)]) == 1
    assert "idf.py" in capsys.readouterr().err


def test_an_image_of_another_project(release: ModuleType, build: Path) -> None:
    (build / "voicegw.bin").write_bytes(b"\xe9" + bytes(1_000))
    with pytest.raises(release.ReleaseError, match="not one of this firmware"):
        release.make(build, None)
