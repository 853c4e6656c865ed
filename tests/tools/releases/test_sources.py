from __future__ import annotations

import json
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools import release_files
from tests.tools.release_server import serving
from tools.errors import ImageError
from tools.releases import archive, manifest, sources


@pytest.mark.parametrize("source", ["", " "])
def test_one_that_is_not_named_is_not_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    release_files.write(tmp_path, board="xmini-c3")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError, match="--image is empty"):
        sources.find(source)


def test_a_directory_of_releases_gives_all(tmp_path: Path) -> None:
    release_files.write(tmp_path / "a", board="xmini-c3")
    release_files.write(tmp_path / "b", board="s3-devkit", chip="esp32s3")
    assert [r.manifest.board for r in sources.find(str(tmp_path))] == ["xmini-c3", "s3-devkit"]


def test_a_manifest_that_is_broken_stops_no_other_board(tmp_path: Path) -> None:
    release_files.write(tmp_path / "a", board="xmini-c3")
    (release_files.write(tmp_path / "b", board="s3-devkit", chip="esp32s3") / "manifest.json").write_text("{")
    left_out: list[ImageError] = []
    assert [r.manifest.board for r in sources.find(str(tmp_path), left_out.append)] == ["xmini-c3"]
    assert [str(tmp_path / "b" / "manifest.json") in error.cause for error in left_out] == [True]


def test_a_manifest_that_is_broken_and_alone_is_said(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ImageError, match=r"manifest\.json: .*not JSON"):
        sources.find(str(tmp_path))


def test_an_empty_directory_says_how_to_build(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as error:
        sources.find(str(tmp_path))
    assert "--build" in error.value.remedy


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path) as made:
        yield made.url


@pytest.mark.parametrize("tail", ["/r", "/r/", "/r/manifest.json"])
def test_a_release_is_fetched_by_url(served: str, tmp_path: Path, tail: str) -> None:
    release_files.write(tmp_path / "r")
    assert set(sources.find(served + tail)[0].load()) == set(release_files.contents())


def test_a_download_has_an_end(served: str, tmp_path: Path) -> None:
    path = release_files.write(tmp_path / "r") / "voicegw.bin"
    path.write_bytes(path.read_bytes() * 40)
    with pytest.raises(ImageError, match="longer than"):
        sources.find(f"{served}/r")[0].load()


@pytest.mark.parametrize("where", ["/nothing", ""])
def test_a_url_without_a_release_is_said(served: str, where: str) -> None:
    with pytest.raises(ImageError, match="cannot be fetched"):
        sources.find(served + where)


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(ImageError, match="cannot be fetched"):
        sources.find("http://127.0.0.1:9/")


@pytest.mark.parametrize("port", [0, 65_536, 99_999])
def test_a_port_that_there_cannot_be_is_not_another(port: int) -> None:
    with pytest.raises(ImageError, match=f"there is no port {port}"):
        sources.find(f"http://127.0.0.1:{port}/")


# -- in one file


def packed(directory: Path) -> bytes:
    release_files.write(directory)
    return archive.pack({path.name: path.read_bytes() for path in directory.iterdir()})


def test_an_archive_is_a_release(tmp_path: Path) -> None:
    path = tmp_path / "release.zip"
    path.write_bytes(packed(tmp_path / "r"))
    (found,) = sources.find(str(path))
    assert found.load() == {name: data for name, (_, data) in release_files.contents().items()}


def test_an_archive_is_fetched_by_url(served: str, tmp_path: Path) -> None:
    (tmp_path / "release.zip").write_bytes(packed(tmp_path / "r"))
    (found,) = sources.find(f"{served}/release.zip?download=1")
    assert set(found.load()) == set(release_files.contents())


def test_an_archive_is_the_same_for_the_same_files(tmp_path: Path) -> None:
    assert packed(tmp_path / "a") == packed(tmp_path / "b")


@pytest.mark.parametrize("spoil", [lambda d: d[:-400], lambda _: b"hello", lambda _: b""])
def test_what_is_no_archive_is_said(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "release.zip"
    path.write_bytes(spoil(packed(tmp_path / "r")))
    with pytest.raises(ImageError, match=r"release\.zip cannot be used: it is no ZIP"):
        sources.find(str(path))


@given(st.integers(0, 2**14), st.integers(1, 255))
def test_any_flipped_bit_of_an_archive_is_a_typed_error_or_none_of_the_files(at: int, bits: int) -> None:
    good = {name: data for name, (_, data) in release_files.contents().items()}
    about = json.dumps(release_files.manifest(release_files.contents())).encode()
    data = bytearray(archive.pack({**good, "manifest.json": about}))
    data[at % len(data)] ^= bits
    opened = manifest.parse(about)
    try:
        unpacked = archive.Archive(bytes(data), "x.zip")
        assert {part.path: unpacked.part(part) for part in opened.parts} == good
    except ImageError:
        pass


def test_an_archive_without_a_file_of_its_manifest_is_said(tmp_path: Path) -> None:
    (release_files.write(tmp_path / "r") / "bootloader.bin").unlink()
    path = tmp_path / "release.zip"
    path.write_bytes(archive.pack({p.name: p.read_bytes() for p in (tmp_path / "r").iterdir()}))
    with pytest.raises(ImageError, match=r"holds no bootloader\.bin"):
        sources.find(str(path))[0].load()


def test_a_file_in_an_archive_is_never_unpacked_beyond_its_manifest(tmp_path: Path) -> None:
    """A hundred million zeros are a hundred kilobytes of ZIP."""
    release_files.write(tmp_path / "r")
    path = tmp_path / "release.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.write(tmp_path / "r" / "manifest.json", "manifest.json")
        made.writestr("bootloader.bin", b"\0" * 100_000_000)
    tracemalloc.start()
    with pytest.raises(ImageError, match=r"bootloader\.bin in it is longer than"):
        sources.find(str(path))[0].load()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000


@pytest.mark.parametrize("source", ["example.com/x.zip", "example.com/releases/"])
def test_an_address_without_its_scheme_is_said(source: str) -> None:
    with pytest.raises(ImageError) as caught:
        sources.find(source)
    assert f"https://{source}" in caught.value.remedy


def test_a_scheme_may_be_written_large() -> None:
    with pytest.raises(ImageError, match="cannot be fetched"):
        sources.find("HTTPS://127.0.0.1:9/x.zip")
