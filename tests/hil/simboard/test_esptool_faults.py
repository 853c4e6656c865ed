"""The real esptool when things go wrong in mid-write: what it says, and that the next try works. All at once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hil.simboard.support import esptool, simulated

pytestmark = pytest.mark.timeout(500)  # the first test waits for all of them
OFFSET = 0x20000
IMAGE = random.Random(7).randbytes(40_000)  # noqa: S311 -- content, not a secret
MID_WRITE = 25_000
"""Bytes from the host, of which the stub is some 6,000."""
FAULTS = {
    "drop": f"drop@{MID_WRITE}",
    "noise": "noise=0.001",
    "stall": f"stall@{MID_WRITE}:1",
    "reset": f"reset@{MID_WRITE}",
    "verify": f"verify@{OFFSET + 100:#x}",
    "unplug": f"unplug@{MID_WRITE}",
}
TRIED_AGAIN = ("noise", "reset", "stall", "unplug")


@dataclass(frozen=True)
class Tries:
    """What a write with the fault gave, and one without it."""

    status: int
    said: str
    between: bytes
    again: int | None
    after: bytes


def attempt(name: str, directory: Path) -> Tries:
    image = directory / "image.bin"
    image.write_bytes(IMAGE)
    write = ("--baud", "921600", "write-flash", hex(OFFSET), str(image))
    with simulated(directory, "esp32c3", "--size", "1MB", "--fault", FAULTS[name]) as board:
        first = esptool(board, *write)
        between = board.flash.read_bytes()
        board.tell("fault off")
        board.tell("plug")
        again = esptool(board, *write).returncode if name in TRIED_AGAIN else None
    return Tries(
        first.returncode,
        first.stdout + first.stderr,
        between,
        again,
        board.flash.read_bytes()[OFFSET : OFFSET + len(IMAGE)],
    )


@pytest.fixture(scope="module")
def tries(firmware: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tries]:
    del firmware
    with ThreadPoolExecutor(len(FAULTS)) as pool:
        running = {name: pool.submit(attempt, name, tmp_path_factory.mktemp(name)) for name in FAULTS}
        return {name: future.result() for name, future in running.items()}


@pytest.mark.parametrize("fault", TRIED_AGAIN)
def test_it_fails_and_the_next_try_works(fault: str, tries: dict[str, Tries]) -> None:
    assert tries[fault].status != 0
    assert tries[fault].again == 0
    assert tries[fault].after == IMAGE


def test_a_byte_that_is_lost_is_sent_again(tries: dict[str, Tries]) -> None:
    assert tries["drop"].status == 0, tries["drop"].said


def test_a_board_that_stays_away_is_left_half_written(tries: dict[str, Tries]) -> None:
    assert tries["unplug"].between[OFFSET : OFFSET + 0x1000] == IMAGE[:0x1000]
    assert set(tries["unplug"].between[OFFSET + 36_000 : OFFSET + 40_000]) == {0xFF}


def test_a_cell_that_does_not_hold_is_found_by_verifying(tries: dict[str, Tries]) -> None:
    assert tries["verify"].status != 0
    assert "MD5 of file does not match data in flash!" in tries["verify"].said
