from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.front import flasher, site
from tests.tools import published_files
from tests.tools.published_files import VERSION
from tools import publish


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The archives of a release."""
    made = tmp_path / "files"
    made.mkdir()
    releases = publish.gather(published_files.firmware(tmp_path / "firmware"), VERSION)
    publish.write_archives(releases, "https://voicegw.invalid", made)
    return made


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """In the place of ESP Web Tools."""
    made = tmp_path / "package" / "dist" / "web"
    made.mkdir(parents=True)
    (made / "install-button.js").touch()
    (tmp_path / "package" / "LICENSE").touch()
    return made


def test_each_board_has_a_manifest_whose_files_are_there(files: Path, tools: Path, tmp_path: Path) -> None:
    boards = site.write(files, tmp_path / "site", tools)
    assert boards == sorted(boards)
    assert {"xmini-c3", "esp32-s3-box-3"} < set(boards)
    assert "qemu" not in boards
    assert [entry["board"] for entry in json.loads((tmp_path / "site" / "releases.json").read_text())]
    for board in boards:
        manifest = tmp_path / "site" / "flash" / "manifest" / board / VERSION
        for part in json.loads(manifest.read_text())["builds"][0]["parts"]:
            built = tmp_path / "firmware" / f"firmware-{board}" / Path(part["path"]).name
            assert (manifest.parent / part["path"]).read_bytes() == built.read_bytes()


def test_the_page_needs_no_gateway_and_no_root(files: Path, tools: Path, tmp_path: Path) -> None:
    site.write(files, tmp_path / "site", tools)
    text = (tmp_path / "site" / "index.html").read_text()
    assert '"/' not in text
    assert "key-form" not in text
    assert "Content-Security-Policy" in text


def test_a_page_that_has_moved_on_is_noticed() -> None:
    with pytest.raises(ValueError, match=r"style\.css"):
        site.page(flasher.PAGE.read_text().replace("/web/style.css", "/web/other.css"))


def test_without_archives_there_is_no_site(tools: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(FileNotFoundError, match="no archive"):
        site.write(tmp_path / "none", tmp_path / "site", tools)


def test_without_esp_web_tools_neither(files: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make flasher"):
        site.write(files, tmp_path / "site", tmp_path / "none")
