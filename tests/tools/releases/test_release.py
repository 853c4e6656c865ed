from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tools import release_files
from tools.errors import ImageError
from tools.releases import image, manifest, sources


def load(directory: Path) -> dict[str, bytes]:
    return sources.find(str(directory))[0].load()


def test_a_whole_release_is_loaded(tmp_path: Path) -> None:
    files = load(release_files.write(tmp_path))
    assert files == {name: data for name, (_, data) in release_files.contents().items()}


def test_the_images_of_these_tests_are_genuine(tmp_path: Path) -> None:
    path = tmp_path / "app.bin"
    path.write_bytes(release_files.image("esp32s3"))
    done = subprocess.run(
        [sys.executable, "-m", "esptool", "image-info", str(path)], capture_output=True, text=True, check=True
    )
    assert "ESP32-S3" in done.stdout
    assert done.stdout.count("(valid)") == 2  # checksum and hash


def test_a_file_that_is_cut_short_is_named(tmp_path: Path) -> None:
    path = release_files.write(tmp_path) / "voicegw.bin"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ImageError, match=r"voicegw\.bin has .* bytes, not the"):
        load(tmp_path)


def test_a_file_of_another_build_is_named(tmp_path: Path) -> None:
    path = release_files.write(tmp_path) / "voicegw.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ImageError, match=r"voicegw\.bin is not the file of its manifest"):
        load(tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (release_files.write(tmp_path) / "bootloader.bin").unlink()
    with pytest.raises(ImageError, match=r"bootloader\.bin: it is not there"):
        load(tmp_path)


def test_an_app_that_outgrows_its_slot_is_refused(tmp_path: Path) -> None:
    release_files.write(tmp_path, release_files.contents(app_bytes=0x12000, slot=0x10000))
    with pytest.raises(ImageError, match=r"too large: .* ota_0 has 65536"):
        load(tmp_path)


def test_firmware_for_another_chip_than_the_manifests_is_refused(tmp_path: Path) -> None:
    release_files.write(
        tmp_path, {**release_files.contents(), "voicegw.bin": (0x20000, release_files.image("esp32s3"))}
    )
    with pytest.raises(ImageError, match=r"voicegw\.bin is for esp32s3, its manifest says esp32c3"):
        load(tmp_path)


def test_an_app_that_is_no_firmware_is_refused(tmp_path: Path) -> None:
    release_files.write(tmp_path, {**release_files.contents(), "voicegw.bin": (0x20000, b"hello" * 100)})
    with pytest.raises(ImageError, match="no firmware"):
        load(tmp_path)


def test_nvs_elsewhere_than_in_the_table_is_refused(tmp_path: Path) -> None:
    release_files.write(tmp_path, nvs={"offset": 0xA000, "size": 0x5000})
    with pytest.raises(ImageError, match="nvs is not where"):
        load(tmp_path)


def remove(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda m: m.pop(name)


def change(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda m: m.update(values)


def change_file(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda m: m["files"][3].update(values)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (change(v=2), "not a voicegw manifest"),
        (remove("chip"), "chip is missing"),
        (change(flash_size="4"), "number of MB"),
        (change(app="other.bin"), "app names none"),
        (change(nvs={"offset": True, "size": 1}), "offset is missing"),
        (change(nvs={"offset": 0x8000, "size": 0x1000}), "runs into"),
        (change(nvs={"offset": 0x3FF000, "size": 0x2000}), "beyond the flash"),
        (change_file(path="../voicegw.bin"), "no plain file name"),
        (change_file(path="/etc/passwd"), "no plain file name"),
        (change_file(sha256="00"), "64 hex digits"),
        (change_file(offset=0x20001), "offset"),
        (change_file(size=-1), "size"),
        (change_file(offset=0x9000), "runs into"),
        (change(files=["x"]), "no file"),
        (change(files=7), "no list"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(spoil: Callable[[dict[str, Any]], None], cause: str) -> None:
    about = release_files.manifest(release_files.contents())
    spoil(about)
    with pytest.raises(ImageError, match=cause):
        manifest.parse(json.dumps(about))


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
)
@example(b"[" * 60_000)
def test_what_is_no_manifest_is_a_typed_error(text: bytes) -> None:
    with pytest.raises(ImageError):
        manifest.parse(text)


@pytest.mark.parametrize("hashed", [True, False])
def test_the_chip_of_an_image_is_read(hashed: bool) -> None:
    assert image.chip_of(release_files.image("esp32s3", hashed=hashed), "x") == "esp32s3"


@given(st.integers(0, 4000), st.integers(1, 255))
def test_any_flipped_bit_of_an_image_is_noticed(at: int, bits: int) -> None:
    good = bytearray(release_files.image("esp32c3"))
    good[at] ^= bits
    with pytest.raises(ImageError):
        image.chip_of(bytes(good), "x")


@given(st.integers(0, 4200))
def test_an_image_cut_short_anywhere_is_noticed(size: int) -> None:
    with pytest.raises(ImageError):
        image.chip_of(release_files.image("esp32c3")[:size], "x")


@pytest.mark.parametrize(
    "spoil", [b"", b"\xff" * 64, b"x" * 64, b"\xaa\x50" + b"\0" * 30 + b"\xeb\xeb" + b"\0" * 30]
)
def test_what_is_no_partition_table_is_refused(spoil: bytes) -> None:
    with pytest.raises(ImageError, match="partition table"):
        image.partitions(spoil)
