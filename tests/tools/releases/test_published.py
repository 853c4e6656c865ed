from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import lan
from tests.tools import published_files, release_server
from tests.tools.boards import ROOT
from tests.tools.published_files import VERSION
from tests.tools.release_server import Answer, Served, serving
from tools import publish
from tools.errors import ImageError
from tools.releases import cache, own, published
from tools.releases.release import Release

NAME = f"voicegw-xmini-c3-{VERSION}.zip"


class Told(list[tuple[str, str]]):
    """What a user would have read."""

    def __call__(self, step: str, text: str) -> None:
        self.append((step, text))

    @property
    def steps(self) -> list[str]:
        return [step for step, _ in self]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_files.firmware(tmp_path_factory.mktemp("firmware"))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as made:
        yield made


@pytest.fixture
def table(firmware: Path, tmp_path: Path, served: Served) -> Path:
    """That of a package; what it says lies on the server."""
    releases = publish.gather(firmware, VERSION)
    path = tmp_path / "published.json"
    path.write_text(publish.write_archives(releases, served.url, tmp_path / "served"))
    return path


@pytest.fixture
def told() -> Told:
    return Told()


def xmini(table: Path, told: Told) -> Release:
    return next(r for r in published.releases(published.read(table), told) if r.manifest.board == "xmini-c3")


def test_what_each_board_takes_is_known_without_asking_anyone(
    table: Path, served: Served, told: Told
) -> None:
    found = published.releases(published.read(table), told)
    assert {(r.manifest.board, r.manifest.chip) for r in found} >= {
        ("xmini-c3", "esp32c3"),
        ("s3-devkit", "esp32s3"),
    }
    assert served.asked == []


def test_only_the_boards_own_archive_is_fetched_and_once(
    table: Path, served: Served, told: Told, firmware: Path
) -> None:
    files = xmini(table, told).load()
    assert files["voicegw.bin"] == (firmware / "firmware-xmini-c3" / "voicegw.bin").read_bytes()
    assert served.asked == [f"/{NAME}"]
    assert told.steps == ["fetched"]


def test_later_it_is_there_without_a_network(table: Path, served: Served, told: Told) -> None:
    xmini(table, told).load()
    served.answer = release_server.status(503)
    xmini(table, told).load()
    assert told.steps == ["fetched", "kept"]
    assert [path.name for path in cache.directory().iterdir()] == [NAME]


def test_a_kept_one_that_is_spoiled_is_fetched_again(table: Path, told: Told) -> None:
    xmini(table, told).load()
    kept = cache.directory() / NAME
    good = kept.read_bytes()
    kept.write_bytes(good[:-1] + b"?")
    xmini(table, told).load()
    assert told.steps == ["fetched", "fetched"]
    assert kept.read_bytes() == good


def other(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (lambda _: release_server.status(404), r"is not there \(404\)"),
        (lambda data: release_server.body(other(data)), "its SHA-256 is another"),
        (lambda data: release_server.body(data[:-9]), "cut short"),
        (lambda data: release_server.body(data[:-9], says=len(data)), "broke off"),
        (lambda data: release_server.body(data[:-9], says=-1), "cut short"),
        (lambda data: release_server.body(data + b"?"), "longer than"),
    ],
)
def test_anything_else_than_what_was_published_is_refused_and_not_kept(
    table: Path, served: Served, told: Told, answer: Callable[[bytes], Answer], cause: str
) -> None:
    served.answer = answer((table.parent / "served" / NAME).read_bytes())
    with pytest.raises(ImageError, match=cause) as error:
        xmini(table, told).load()
    assert "--build" in error.value.remedy
    assert "--image" in error.value.remedy
    assert cache.take(NAME) is None
    assert told == []


def test_one_that_holds_another_boards_files_is_refused(table: Path, told: Told) -> None:
    """The release job would have to be wrong: archive and manifest are both in the package."""
    given = json.loads(table.read_text())
    by_file = {entry["file"]: entry for entry in given["archives"]}
    about = by_file[f"voicegw-s3-devkit-{VERSION}.zip"]["manifest"]
    by_file[NAME]["manifest"] = {**about, "board": "xmini-c3"}
    table.write_text(json.dumps(given))
    with pytest.raises(
        ImageError, match=r"not the file of its manifest|not the .* of its manifest|longer than"
    ):
        xmini(table, told).load()


def test_where_nothing_can_be_kept_it_goes_on(
    table: Path, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VOICEGW_CACHE_DIR", str(tmp_path / "file"))
    assert "voicegw.bin" in xmini(table, told).load()
    assert told.steps == ["fetched", "not kept"]


def test_nor_does_it_need_a_home(table: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOICEGW_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", _homeless)
    assert "voicegw.bin" in xmini(table, told).load()
    assert told[-1] == (
        "not kept",
        "there is no home for ~/.cache/voicegw; it will be fetched again next time",
    )


def _homeless(path: Path) -> Path:
    raise RuntimeError(f"Could not determine home directory of {path}.")


FULL = """
mount -t tmpfs -o size=16k none "$1"
exec "$2" -c '
import os, sys
from pathlib import Path
from ground.trouble import Trouble
from tools.releases import cache
os.environ["VOICEGW_CACHE_DIR"] = sys.argv[1]
try:
    cache.keep("a.zip", os.urandom(100_000))
except Trouble as trouble:
    print(trouble.message, [path.name for path in cache.directory().iterdir()])
' "$1"
"""


@pytest.mark.skipif(not lan.possible(), reason="no namespaces here")
def test_on_a_full_disk_nothing_half_written_is_left(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    done = subprocess.run(
        ["unshare", "-m", "sh", "-ec", FULL, "sh", str(tmp_path / "full"), sys.executable],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert re.fullmatch(r"cache_dir /.* cannot be used: the disk is full \[\]\n", done.stdout), done.stdout


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"url": "https://x", "archives": [{}]}', '{"url": "x", "archives": 3}']
)
def test_a_spoiled_table_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(ImageError, match="is spoiled") as error:
        published.read(tmp_path / "t.json")
    assert "anew" in error.value.remedy


@pytest.mark.parametrize(
    ("name", "value"), [("file", "../evil.zip"), ("size", -1), ("size", 1 << 40), ("size", "9")]
)
def test_a_table_leads_nowhere_else(table: Path, name: str, value: object) -> None:
    given = json.loads(table.read_text())
    given["archives"][0][name] = value
    table.write_text(json.dumps(given))
    with pytest.raises(ImageError, match="is spoiled"):
        published.read(table)


# -- what is built here, and what is published


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Its firmware/build."""
    (tmp_path / "checkout" / "pyproject.toml").parent.mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "checkout")
    return tmp_path / "checkout" / "firmware" / "build"


def put(build: Path, firmware: Path, board: str, version: str = VERSION) -> None:
    shutil.copytree(firmware / f"firmware-{board}", build / board)
    about = json.loads((build / board / "manifest.json").read_text())
    (build / board / "manifest.json").write_text(json.dumps({**about, "version": version}))


def origins(found: list[Release]) -> dict[str, str]:
    return {release.manifest.board: release.origin for release in found}


def test_what_was_built_here_goes_before_what_was_published(
    checkout: Path, table: Path, firmware: Path, told: Told
) -> None:
    put(checkout, firmware, "xmini-c3")
    found = origins(own.find(told, checkout, table))
    assert found["xmini-c3"] == str(checkout / "xmini-c3")
    assert found["s3-devkit"].startswith("http://127.0.0.1")


def test_what_was_built_of_another_version_is_left_out_and_named(
    checkout: Path, table: Path, firmware: Path, told: Told
) -> None:
    put(checkout, firmware, "xmini-c3", "0.0.7")
    assert origins(own.find(told, checkout, table))["xmini-c3"].startswith("http://127.0.0.1")
    assert told == [("left out", f"{checkout / 'xmini-c3'}: it is 0.0.7, and this is {VERSION}")]


def test_and_alone_it_is_an_error(checkout: Path, firmware: Path, told: Told, tmp_path: Path) -> None:
    put(checkout, firmware, "xmini-c3", "0.0.7")
    with pytest.raises(ImageError, match=r"the firmware that is here is 0\.0\.7, and this is") as error:
        own.find(told, checkout, tmp_path / "none.json")
    assert f"--image {checkout}" in error.value.remedy


def test_a_table_of_another_version_is_not_followed(
    checkout: Path, table: Path, told: Told, served: Served
) -> None:
    table.write_text(table.read_text().replace(f'"version": "{VERSION}"', '"version": "0.0.7"'))
    with pytest.raises(ImageError, match=r"is 0\.0\.7, and this is"):
        own.find(told, checkout, table)
    assert served.asked == []


def test_a_checkout_that_nothing_was_built_in_says_so(checkout: Path, told: Told, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=f"knows no published firmware of its version {VERSION}") as error:
        own.find(told, checkout, tmp_path / "none.json")
    assert "--build" in error.value.remedy


def test_a_build_that_is_spoiled_is_named_and_left_out(checkout: Path, table: Path, told: Told) -> None:
    (checkout / "xmini-c3").mkdir(parents=True)
    (checkout / "xmini-c3" / "manifest.json").write_text("{")
    assert "xmini-c3" in origins(own.find(told, checkout, table))
    assert told.steps == ["left out"]


def test_a_package_alone_is_of_its_metadatas_version(tmp_path: Path) -> None:
    assert own.version(tmp_path / "a" / "b") == VERSION
