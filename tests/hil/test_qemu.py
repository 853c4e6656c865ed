from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.backends.qemu import flash_of
from hil.errors import Unusable
from hil.simboard.demo import facts, write_release
from tools.esp.nvs import decode


def test_the_flash_of_a_release_is_all_of_it_and_calls_nobody_yet(tmp_path: Path) -> None:
    release = write_release(tmp_path, facts("qemu"), "1.2.3")
    manifest = json.loads((release / "manifest.json").read_text())
    flash = flash_of(release)
    assert len(flash) == 4 << 20
    for file in manifest["files"]:
        assert flash[file["offset"] : file["offset"] + file["size"]] == (release / file["path"]).read_bytes()
    nvs = manifest["nvs"]
    entries = decode(flash[nvs["offset"] : nvs["offset"] + nvs["size"]])
    assert [(entry.key, entry.value) for entry in entries] == [("gateway", "http://10.0.2.2:9")]


def test_what_is_no_release_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no release"):
        flash_of(tmp_path)
