"""Flash and provision."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.board import Board
from hil.evidence import Evidence
from hil.network import Link
from hil.record.results import Measuring

pytestmark = [pytest.mark.flash, pytest.mark.timeout(400)]
Release = Callable[..., Path]


def test_a_release_is_flashed_and_the_settings_stay(unpaired: Board, release: Release) -> None:
    folder = release()
    unpaired.ask("settings set volume 37")
    unpaired.flash(folder)
    assert unpaired.ready(30)["fw"] == _version(folder)
    assert unpaired.ask("settings get volume")["volume"] == "37"


def test_from_flashed_to_live_in_one_go(
    unpaired: Board, link: Link, release: Release, evidence: Evidence, measure: Measuring
) -> None:
    folder, name = release(), f"hil-{link.port}"
    settings_file = evidence.folder / "settings.toml"
    settings_file.write_text(
        f'gateway = "{link.url}"\n'
    )  # which the tool would not take from --gateway on loopback
    options = ["--gateway", link.url, "--settings", str(settings_file), "--name", name, *unpaired.wifi]
    if evidence.gateway is not None:
        key_file = evidence.gateway.identity_file.parent / "operator.key"  # the link's port has no secret
        key_file.touch(mode=0o600)
        key_file.write_text(evidence.gateway.operator_secret)
        options += ["--identity", evidence.gateway.identity, "--operator-key-file", str(key_file)]
    seconds = unpaired.flash(folder, *options, "--until", "live")
    measure("flash_to_live_s", seconds)
    assert link.calls[-1].device["fw"] == _version(folder)
    assert unpaired.ready()["state"] == "live"
    settings = unpaired.ask("settings")
    assert (settings["name"], settings["key"]) == (name, "***")
    assert evidence.gateway is None or settings["fingerprint"] == evidence.gateway.identity


def _version(release: Path) -> str:
    return str(json.loads((release / "manifest.json").read_text())["version"])
