"""The real esptool against simulated boards, all at once."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hil.simboard.chips import made_up_mac
from hil.simboard.flash import MEGABYTE, Flash
from tests.hil.simboard.support import esptool, simulated

pytestmark = pytest.mark.timeout(500)  # the first test waits for all of them
OFFSET = 0x20000
SIZE = 20_000
ERASED_IMAGE = {0xFF}


@dataclass(frozen=True)
class Act:
    """One board, one run of esptool; `blank`: nothing is in the flash before."""

    chip: str
    options: str
    command: str
    blank: bool = False
    board: str = ""
    size: int = SIZE


WRITES = {
    "esp32c3": Act("esp32c3", "--baud 921600", f"write-flash {OFFSET} image.bin", blank=True),
    "esp32s3": Act("esp32s3", "--baud 460800", f"write-flash --no-compress {OFFSET} image.bin", blank=True),
    "esp32c3-rom": Act(
        "esp32c3", "--baud 230400 --no-stub", f"write-flash {OFFSET} image.bin", blank=True, size=1500
    ),
    "esp32s3-rom": Act(
        "esp32s3", "--no-stub", f"write-flash --compress {OFFSET} image.bin", blank=True, size=6000
    ),
}
ACTS = WRITES | {
    "verify": Act("esp32s3", "--baud 2000000", f"verify-flash {OFFSET} image.bin"),
    "read": Act("esp32c3", "--baud 115200", f"read-flash {OFFSET + 0x10} 9000 copy.bin"),
    "read-rom": Act("esp32s3", "--no-stub", f"read-flash {OFFSET + 0x10} 700 copy.bin"),
    "erase-region": Act("esp32c3", "", f"erase-region {OFFSET} 0x1000"),
    "erase-flash": Act("esp32s3", "", "erase-flash"),
    "usb-jtag": Act("esp32c3", "--before usb-reset", "flash-id", board="--wiring usb-jtag"),
    "security": Act("esp32s3", "--no-stub --after watchdog-reset", "get-security-info"),
}


@dataclass(frozen=True)
class Outcome:
    """What esptool said, what was in the flash then, and what it had been given or has read."""

    status: int
    said: str
    flash: bytes
    image: bytes
    copy: bytes
    log: str
    state: dict[str, Any]
    mac: bytes


def play(act: Act, directory: Path) -> Outcome:
    """On a board of its own."""
    seed = random.Random(act.size)  # noqa: S311 -- content, not a secret
    image = seed.randbytes(act.size // 2) + bytes(act.size // 4) + seed.randbytes(act.size // 4)
    (directory / "image.bin").write_bytes(image)
    flash = Flash(directory / "flash.bin", 4 * MEGABYTE)
    flash.program(OFFSET, b"" if act.blank else image)
    flash.close()
    words = [str(directory / word) if word.endswith(".bin") else word for word in act.command.split()]
    with simulated(directory, act.chip, *act.board.split()) as board:
        done = esptool(board, *act.options.split(), *words)
        state, log = board.tell("state"), board.log()
    copy = directory / "copy.bin"
    return Outcome(
        done.returncode, done.stdout, board.flash.read_bytes(), image,
        copy.read_bytes() if copy.exists() else b"", log, state, made_up_mac(str(board.flash)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(firmware: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    del firmware
    with ThreadPoolExecutor(len(ACTS)) as pool:
        playing = {name: pool.submit(play, act, tmp_path_factory.mktemp(name)) for name, act in ACTS.items()}
        return {name: future.result() for name, future in playing.items()}


@pytest.fixture(params=sorted(WRITES))
def written(request: pytest.FixtureRequest, outcomes: dict[str, Outcome]) -> Outcome:
    return outcomes[request.param]


def test_it_is_content(outcomes: dict[str, Outcome]) -> None:
    assert {name: outcome.said for name, outcome in outcomes.items() if outcome.status} == {}


def test_it_knows_the_chip_and_its_address(written: Outcome) -> None:
    chip = {"esp32c3": "ESP32-C3 (QFN32) (revision v0.4)", "esp32s3": "ESP32-S3 (QFN56) (revision v0.2)"}
    assert f"Chip type:          {chip[written.state['chip']]}" in written.said
    assert f"MAC:                {written.mac.hex(':')}" in written.said
    assert "Crystal frequency:  40MHz" in written.said


def test_a_write_is_in_the_flash_byte_for_byte_and_nothing_else_is(written: Outcome) -> None:
    assert "Hash of data verified." in written.said
    end = OFFSET + len(written.image)
    assert written.flash[OFFSET:end] == written.image
    assert set(written.flash[:OFFSET] + written.flash[end:]) == ERASED_IMAGE


def test_it_verifies_what_is_there(outcomes: dict[str, Outcome]) -> None:
    assert "Verification successful (digest matched)." in outcomes["verify"].said


@pytest.mark.parametrize(("name", "length"), [("read", 9000), ("read-rom", 700)])
def test_it_reads_what_is_there(name: str, length: int, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[name].copy == outcomes[name].image[0x10 : 0x10 + length]


@pytest.mark.parametrize("chip", ["esp32c3", "esp32s3"])
def test_the_stub_that_runs_is_esptools_own_to_the_byte(chip: str, outcomes: dict[str, Outcome]) -> None:
    files = importlib.metadata.files("esptool") or []
    (found,) = (file for file in files if file.match(f"stub_flasher/2/{chip}.json"))
    stub = json.loads(found.read_text())
    parts = base64.b64decode(stub["text"]) + base64.b64decode(stub["data"])
    assert f"sha256 {hashlib.sha256(parts).hexdigest()}" in outcomes[chip].log


def test_without_a_stub_none_is_loaded(outcomes: dict[str, Outcome]) -> None:
    assert "program in RAM" not in outcomes["esp32c3-rom"].log
    assert "Stub flasher running" not in outcomes["esp32c3-rom"].said


def test_a_region_is_erased_and_no_more(outcomes: dict[str, Outcome]) -> None:
    erased = outcomes["erase-region"]
    assert set(erased.flash[OFFSET : OFFSET + 0x1000]) == ERASED_IMAGE
    assert erased.flash[OFFSET + 0x1000 : OFFSET + SIZE] == erased.image[0x1000:]


def test_the_whole_flash_is_erased(outcomes: dict[str, Outcome]) -> None:
    assert set(outcomes["erase-flash"].flash) == ERASED_IMAGE


def test_the_chips_own_usb_takes_its_own_reset_sequence(outcomes: dict[str, Outcome]) -> None:
    assert "Detected flash size: 4MB" in outcomes["usb-jtag"].said


def test_it_reads_the_security_info_and_leaves_by_the_watchdog(outcomes: dict[str, Outcome]) -> None:
    assert "Chip ID: 9" in outcomes["security"].said
    assert (
        outcomes["security"].state["mode"] == "stopped"
    )  # it has left the loader, and found nothing to boot
