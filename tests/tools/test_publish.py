from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.tools import published_files
from tests.tools.boards import run
from tests.tools.published_files import VERSION
from tools import publish
from tools.errors import ImageError, PublishError, ToolError
from tools.releases import sources

BOARDS = {
    "c5-devkit",
    "c6-devkit",
    "esp32-s3-box-3",
    "esp32-s3-korvo-2",
    "m5stack-atom-echos3r",
    "m5stack-atoms3r-echo",
    "m5stack-cores3",
    "s3-devkit",
    "waveshare-s3-audio",
    "xiao-s3-xvf3800",
    "xmini-c3",
}
URL = "https://voicegw.invalid/releases"


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    return published_files.firmware(tmp_path / "firmware")


def test_a_release_has_archives_sboms_a_wheel_and_checksums(firmware: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(
        "tools.publish", "--firmware", str(firmware), "--url", URL, "--tag", f"v{VERSION}", "--out", str(out)
    )
    assert done.status == 0, done.err
    archives = {f"voicegw-{board}-{VERSION}.zip" for board in BOARDS}
    sboms = {f"voicegw-{board}-{VERSION}.cdx.json" for board in BOARDS}
    wheel = f"voicegw-{VERSION}-py3-none-any.whl"
    assert {path.name for path in out.iterdir()} == archives | sboms | {wheel, "SHA256SUMS"}
    checked = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=out, capture_output=True, text=True, check=True
    )
    assert checked.stdout.count(": OK") == 2 * len(BOARDS) + 1
    table = json.loads((published_files.install(out / wheel, tmp_path / "p") / publish._TABLE).read_text())
    assert table["url"] == URL
    assert {entry["file"] for entry in table["archives"]} == archives
    for path in out.glob("*.zip"):
        assert set(sources.find(str(path))[0].load()) >= {"voicegw.bin", "bootloader.bin"}


def test_the_checkout_has_no_table() -> None:
    """Else a checkout would look published."""
    assert not (publish.ROOT / publish._TABLE).exists()


@pytest.mark.parametrize("tag", [VERSION, f"v{VERSION}.1", "v", "latest"])
def test_a_tag_of_another_version_is_refused(tag: str) -> None:
    with pytest.raises(PublishError, match=re.escape(f"the tag is {tag}, and pyproject.toml says {VERSION}")):
        publish.check_tag(tag)


def test_a_board_without_firmware_stops_the_release(firmware: Path) -> None:
    shutil.rmtree(firmware / "firmware-xmini-c3")
    with pytest.raises(PublishError, match=r"the boards are .*xmini-c3"):
        publish.gather(firmware, VERSION)


def test_and_so_does_one_with_two(firmware: Path) -> None:
    shutil.copytree(firmware / "firmware-xmini-c3", firmware / "again")
    with pytest.raises(PublishError, match="xmini-c3, xmini-c3"):
        publish.gather(firmware, VERSION)


def test_an_emulator_is_no_board_to_publish_for(firmware: Path) -> None:
    assert {release.manifest.board for release in publish.gather(firmware, VERSION)} == BOARDS


def test_firmware_of_another_version_stops_the_release(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"is 0\.0\.7, not"):
        publish.gather(published_files.firmware(tmp_path, "0.0.7"), VERSION)


def spoil_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


def spoil_firmware(folder: Path) -> None:
    data = (folder / "voicegw.bin").read_bytes()
    (folder / "voicegw.bin").write_bytes(data[:-1] + b"?")


@pytest.mark.parametrize("spoil", [spoil_manifest, spoil_firmware])
def test_what_is_spoiled_stops_the_release(firmware: Path, spoil: object) -> None:
    assert callable(spoil)
    spoil(firmware / "firmware-s3-devkit")
    with pytest.raises(ImageError):
        publish.gather(firmware, VERSION)


def test_firmware_without_an_sbom_stops_the_release(firmware: Path, tmp_path: Path) -> None:
    (firmware / "firmware-xmini-c3" / publish.SBOM).unlink()
    with pytest.raises(ToolError, match="has no sbom"):
        publish.write_archives(publish.gather(firmware, VERSION), URL, tmp_path)
