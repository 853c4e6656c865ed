from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.tools import release_files
from tools.errors import ImageError
from tools.releases import choice, sources
from tools.releases.release import Release


@pytest.fixture
def three(tmp_path: Path) -> list[Release]:
    release_files.write(tmp_path / "a", board="xmini-c3")
    release_files.write(tmp_path / "b", board="s3-devkit", chip="esp32s3")
    release_files.write(tmp_path / "c", board="esp32-s3-box-3", chip="esp32s3", flash_size="16MB")
    return sources.find(str(tmp_path))


def test_the_chip_decides(three: list[Release]) -> None:
    assert choice.choose(three, chip="esp32c3", flash_size=None, board=None).manifest.board == "xmini-c3"


def test_several_boards_with_the_chip_are_named(three: list[Release]) -> None:
    with pytest.raises(ImageError, match="esp32-s3-box-3, s3-devkit") as error:
        choice.choose(three, chip="esp32s3", flash_size=None, board=None)
    assert "--board" in error.value.remedy


def test_the_named_board_is_taken(three: list[Release]) -> None:
    assert (
        choice.choose(three, chip="esp32s3", flash_size=1 << 24, board="s3-devkit").manifest.board
        == "s3-devkit"
    )


def test_of_several_versions_the_newest_is_taken(tmp_path: Path) -> None:
    for version in ("0.9.0", "0.10.0", "odd"):
        release_files.write(tmp_path / version, version=version)
    found = sources.find(str(tmp_path))
    assert choice.choose(found, chip="esp32c3", flash_size=None, board=None).manifest.version == "0.10.0"


@pytest.mark.parametrize(
    ("chip", "flash_mb", "board", "cause"),
    [
        ("esp32c6", None, None, "this board has an esp32c6, and the image is for esp32c3, esp32s3"),
        ("esp32c3", None, "s3-devkit", "this board has an esp32c3, and the image is for esp32s3"),
        ("esp32s3", 8, "esp32-s3-box-3", "wants 16 MB of flash, and this board has 8"),
        ("esp32s3", None, "toaster", "no release for the board toaster"),
    ],
)
def test_what_does_not_fit_the_board_says_why(
    three: list[Release], chip: str, flash_mb: int | None, board: str | None, cause: str
) -> None:
    size = None if flash_mb is None else flash_mb << 20
    with pytest.raises(ImageError, match=cause):
        choice.choose(three, chip=chip, flash_size=size, board=board)


def test_where_several_fit_somebody_is_asked(three: list[Release]) -> None:
    asked: list[Sequence[str]] = []

    def which(names: Sequence[str]) -> str:
        asked.append(names)
        return "s3-devkit"

    found = choice.choose(three, chip="esp32s3", flash_size=1 << 24, board=None, which=which)
    assert found.manifest.board == "s3-devkit"
    assert asked == [["esp32-s3-box-3", "s3-devkit"]]


def test_who_names_another_has_not_answered(three: list[Release]) -> None:
    with pytest.raises(ImageError, match="several boards"):
        choice.choose(three, chip="esp32s3", flash_size=None, board=None, which=lambda _: "xmini-c3")


def test_a_board_with_more_flash_than_there_is_does_not_fit(three: list[Release]) -> None:
    found = choice.choose(three, chip="esp32s3", flash_size=8 << 20, board=None)
    assert found.manifest.board == "s3-devkit"
