from __future__ import annotations

import json
import re
from argparse import Namespace
from pathlib import Path

import pytest
from pytest_embedded_qemu.qemu import QEMU_TARGETS

from hil.backends.qemu import Qemu, flash_of
from hil.errors import Unusable
from hil.options import EMULATORS
from hil.simboard.boot import boot
from hil.simboard.chips import Reset
from hil.simboard.demo import facts, program, write_release
from hil.simboard.flash import Flash
from hil.simboard.outcome import Started
from tools.esp.nvs import decode
from tools.releases import sources


@pytest.mark.parametrize("board", ["qemu", "qemu-s3"])
def test_the_flash_of_a_release_is_all_of_it_and_calls_nobody_yet(tmp_path: Path, board: str) -> None:
    release = write_release(tmp_path, facts(board), "1.2.3")
    manifest = json.loads((release / "manifest.json").read_text())
    flash = flash_of(release)
    assert len(flash) == 4 << 20
    for file in manifest["files"]:
        assert flash[file["offset"] : file["offset"] + file["size"]] == (release / file["path"]).read_bytes()
    nvs = manifest["nvs"]
    entries = decode(flash[nvs["offset"] : nvs["offset"] + nvs["size"]])
    assert [(entry.key, entry.value) for entry in entries] == [("gateway", "http://10.0.2.2:9")]


@pytest.mark.parametrize(("board", "chip"), [("qemu", "esp32c3"), ("qemu-s3", "esp32s3")])
def test_machine_and_fuses_are_those_of_the_releases_chip(tmp_path: Path, board: str, chip: str) -> None:
    release = write_release(tmp_path, facts(board), "1.2.3")
    option = Namespace(release=release, run=tmp_path, qemu_prog_path=None, qemu_cli_args=None)
    emulated = Qemu(option)
    emulated.open(tmp_path)
    assert (emulated.board, option.qemu_prog_path) == (board, EMULATORS[chip])
    assert option.qemu_cli_args.endswith(f"-machine {chip}")
    assert set(re.findall(r"esp32\w*", emulated.extra)) == {chip}
    assert emulated.image.stat().st_size == 4 << 20
    assert (tmp_path / "efuse.bin").read_bytes() == QEMU_TARGETS[chip].default_efuse


@pytest.mark.parametrize("board", ["qemu", "qemu-s3"])
def test_a_release_under_another_version_boots_as_that(tmp_path: Path, board: str) -> None:
    release = write_release(tmp_path / "release", facts(board), "1.2.3")
    option = Namespace(release=release, run=tmp_path, qemu_prog_path=None, qemu_cli_args=None)
    newer = Qemu(option).release("0.9.0")
    [found] = sources.find(str(newer))
    found.load()  # whole, by its manifest
    assert found.manifest.version == "0.9.0"
    flash = Flash(tmp_path / "flash.bin", 4 << 20)
    program(flash, newer)
    started = boot(flash, facts(board).chip, Reset.POWER_ON).end
    assert isinstance(started, Started), started
    assert started.application.version == "0.9.0"


def test_a_firmware_that_fails_cannot_be_made(tmp_path: Path) -> None:
    release = write_release(tmp_path / "release", facts("qemu"), "1.2.3")
    option = Namespace(release=release, run=tmp_path, qemu_prog_path=None, qemu_cli_args=None)
    with pytest.raises(Unusable, match=r"no release 0\.9\.1 crash"):
        Qemu(option).release("0.9.1", "crash")


def test_what_is_no_release_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no release"):
        flash_of(tmp_path)
