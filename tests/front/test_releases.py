from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from gateway.errors import NotFound
from gateway.front.releases import Releases
from tests.support.releases import put_release


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    def put(board: str = "xmini-c3", version: str = "0.2.0", **changes: Any) -> Path:
        return put_release(tmp_path, board, version, **changes)

    return put


def test_the_newest_version_is_found_by_its_meaning_not_by_its_letters(
    put: Callable[..., Path], tmp_path: Path
) -> None:
    for version in ("0.9.0", "0.10.0", "0.10.0rc1"):
        put(version=version)
    assert Releases(tmp_path).find("xmini-c3").version == "0.10.0"
    assert [r.version for r in Releases(tmp_path).all()] == ["0.10.0", "0.10.0rc1", "0.9.0"]


def test_a_release_is_for_its_board_alone(put: Callable[..., Path], tmp_path: Path) -> None:
    put(board="s3-devkit")
    with pytest.raises(NotFound, match="xmini-c3"):
        Releases(tmp_path).find("xmini-c3")


def test_a_file_of_a_release_is_what_its_manifest_says(put: Callable[..., Path], tmp_path: Path) -> None:
    put()
    path = Releases(tmp_path).file("xmini-c3", "0.2.0", "voicegw.bin")
    app = Releases(tmp_path).find("xmini-c3").image("voicegw.bin")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == app.sha256


@pytest.mark.parametrize("path", ["manifest.json", "../secret", "..", "", "other.bin"])
def test_nothing_but_what_the_manifest_names_is_handed_out(
    put: Callable[..., Path], tmp_path: Path, path: str
) -> None:
    put()
    (tmp_path / "secret").write_text("key")
    with pytest.raises(NotFound):
        Releases(tmp_path).file("xmini-c3", "0.2.0", path)


def test_a_file_that_was_cut_short_is_not_handed_out(put: Callable[..., Path], tmp_path: Path) -> None:
    (put() / "voicegw.bin").write_bytes(b"short")
    with pytest.raises(NotFound, match="size"):
        Releases(tmp_path).file("xmini-c3", "0.2.0", "voicegw.bin")


def test_a_file_that_leads_elsewhere_is_not_handed_out(put: Callable[..., Path], tmp_path: Path) -> None:
    app = put() / "voicegw.bin"
    other = app.rename(tmp_path / "other")
    app.symlink_to(other)
    with pytest.raises(NotFound):
        Releases(tmp_path).file("xmini-c3", "0.2.0", "voicegw.bin")


@pytest.mark.parametrize(
    "change",
    [
        {"version": "newest"},
        {"board": "../up"},
        {"v": 2},
        {"files": []},
        {"app": "other.bin"},
        {"files": [{"path": "../x", "offset": 0, "size": 1, "sha256": "0" * 64}]},
    ],
)
def test_a_malformed_manifest_is_left_out(
    put: Callable[..., Path], tmp_path: Path, change: dict[str, Any]
) -> None:
    manifest = put() / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    assert Releases(tmp_path).all() == []


def test_a_malformed_manifest_is_logged_when_it_is_found_and_when_it_changes(
    put: Callable[..., Path], tmp_path: Path
) -> None:
    manifest = put() / "manifest.json"
    whole = manifest.read_text()
    releases, lines = Releases(tmp_path), list[str]()
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    for text, told in (("{", 1), ("{", 1), ("[]", 2), (whole, 2), ("[]", 3)):
        manifest.write_text(text)
        releases.all()
        assert len(lines) == told
    logger.remove(sink)
    assert all(str(manifest) in line for line in lines)


@pytest.mark.parametrize("directory", [None, Path("not-there")])
def test_without_a_directory_there_is_no_release(directory: Path | None) -> None:
    with pytest.raises(NotFound, match="no release for board"):
        Releases(directory).find("xmini-c3")
