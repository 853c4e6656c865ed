"""A board with its firmware: what it prints, keeps, survives, and leaves behind."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hil.simboard.demo import application, layout, write_release
from hil.simboard.flash import MEGABYTE, SECTOR, Flash
from hil.simboard.partitions import Select, State, read_select
from tests.hil.simboard.support import FACTS, Simulated, install, read_until, simulated
from tools.esp import nvs

BOARD = FACTS["esp32c3"]
NVS, OTADATA, OTA_0, OTA_1 = (p for p in layout("4MB") if p.label in {"nvs", "otadata", "ota_0", "ota_1"})
NOWHERE = "http://127.0.0.1:9"
"""Or it would find the gateways of other tests."""
LOOPBACK = ("--", "--interface", "lo")
LIMIT_SECONDS = 40


def image(version: str, fault: str = "") -> bytes:
    return application(BOARD, version, fault, size=16_384)


@pytest.fixture
def prepared(firmware: None, tmp_path: Path) -> Callable[..., Path]:
    """A directory with a flash that holds these applications and settings."""
    del firmware

    def prepare(*apps: bytes, entries: tuple[Select, ...] = (), **settings: str) -> Path:
        flash = Flash(tmp_path / "flash.bin", 4 * MEGABYTE)
        install(flash, BOARD.chip, *apps)
        for number, entry in enumerate(entries):
            flash.replace(OTADATA.offset + number * SECTOR, entry.pack())
        flash.replace(NVS.offset, nvs.settings_image({"gateway": NOWHERE} | settings, NVS.size))
        flash.close()
        return tmp_path

    return prepare


@pytest.fixture
def board(prepared: Callable[..., Path]) -> Iterator[Simulated]:
    with simulated(prepared(image("1.2.3"), name="kitchen"), "esp32c3", *LOOPBACK) as running:
        yield running


def ask(board: Simulated, command: str) -> dict[str, Any]:
    """On the console, again until the firmware is there to hear it; gives what comes after @ok."""
    with board.open() as port:
        port.timeout = 0.5
        for _ in range(LIMIT_SECONDS * 2):
            port.write(command.encode() + b"\n")
            if port.read_until(b"@ok ").endswith(b"@ok "):
                break
        answer: dict[str, Any] = json.loads(read_until(port, b"\n"))
    return answer


def state(board: Simulated, **wanted: Any) -> dict[str, Any]:
    """Of the board, once it is like that."""
    found: dict[str, Any] = {}
    end = time.monotonic() + LIMIT_SECONDS
    while not found or any(found[name] != value for name, value in wanted.items()):
        assert time.monotonic() < end, found
        found = board.tell("state")
    return found


def settings(board: Simulated) -> dict[str, str]:
    data = board.flash.read_bytes()[NVS.offset : NVS.offset + NVS.size]
    return nvs.settings(data)


def alive(program: str) -> list[int]:
    """The processes whose command line has that in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if program.encode() in line and b"voicesim" in line.split(b"\0", 1)[0]:
                found.append(int(entry.name))
    return found


def gone(program: str) -> bool:
    end = time.monotonic() + LIMIT_SECONDS
    while alive(program):
        if time.monotonic() > end:
            return False
    return True


def test_the_console_is_on_the_serial_line(board: Simulated) -> None:
    told = ask(board, "state")
    assert (told["fw"], told["board"], told["reset"]) == ("1.2.3", "xmini-c3", "power_on")
    assert told["id"] == board.tell("state")["mac"].replace(":", "")


def test_a_reset_by_the_lines_is_told_from_rom_to_firmware(board: Simulated) -> None:
    with board.open() as port:
        port.rts = True
        port.rts = False
        for line in (
            b"ESP-ROM:esp32c3-api1-20210207\r\n",
            b"rst:0x1 (POWERON)",
            b"Loaded app",
            b"session: network",
        ):
            read_until(port, line)


def test_settings_come_from_the_flash(board: Simulated) -> None:
    assert ask(board, "settings get name")["name"] == "kitchen"


def test_settings_that_change_are_in_the_flash_after_a_reset(board: Simulated) -> None:
    ask(board, "settings set name attic")
    board.tell("power off")
    end = time.monotonic() + LIMIT_SECONDS
    while settings(board).get("name") != "attic" and time.monotonic() < end:
        pass
    assert settings(board)["name"] == "attic"
    board.tell("power on")
    assert ask(board, "settings get name")["name"] == "attic"


def test_a_reboot_goes_by_way_of_the_bootloader(board: Simulated) -> None:
    with board.open() as port:
        port.write(b"reboot\n")
        read_until(port, b"rst:0xc (RTC_SW_CPU_RST)")
    assert ask(board, "state")["reset"] == "software"


def test_firmware_that_dies_is_a_panic_and_starts_again(board: Simulated) -> None:
    ask(board, "state")
    with board.open() as port:
        os.kill(alive(str(board.directory))[0], signal.SIGSEGV)
        read_until(port, b"Guru Meditation Error")
        read_until(port, b"rst:0xc (RTC_SW_CPU_RST)")
    assert ask(board, "state")["reset"] == "panic"
    assert "Guru Meditation" in ask(board, "crash")["report"]


def test_an_image_that_crashes_at_its_start_loops(prepared: Callable[..., Path]) -> None:
    with simulated(prepared(image("1.0.0", "crash")), "esp32c3", *LOOPBACK) as board, board.open() as port:
        for _ in range(2):
            read_until(port, b"Guru Meditation Error")


def test_an_update_that_crashes_is_rolled_back(prepared: Callable[..., Path]) -> None:
    entries = (Select.make(1, State.VALID), Select.make(2, State.NEW))
    where = prepared(image("1.0.0"), image("2.0.0", "crash"), entries=entries)
    with simulated(where, "esp32c3", *LOOPBACK) as board:
        state(board, version="1.0.0")
    flash = Flash(board.flash, 0)
    assert [entry.state for entry in read_select(flash, OTADATA)] == [State.VALID, State.ABORTED]
    flash.close()


def test_an_image_that_never_goes_live_runs_without_a_network(prepared: Callable[..., Path]) -> None:
    where = prepared(image("1.0.0", "never-live"), ssid="home", password="no secrets")
    with simulated(where, "esp32c3", *LOOPBACK) as board, board.open() as port:
        read_until(port, b'"reason":"no_wifi"')


def test_a_wrong_password_is_refused_where_there_is_wifi(prepared: Callable[..., Path]) -> None:
    where = prepared(image("1.0.0"), ssid="home", password="wrong one")
    with simulated(where, "esp32c3", *LOOPBACK, "--wifi", "home:no secrets") as board, board.open() as port:
        read_until(port, b'"reason":"wifi_refused"')


def test_an_erased_board_loops_and_can_be_told_so(firmware: None, tmp_path: Path) -> None:
    del firmware
    with simulated(tmp_path, "esp32s3", "--size", "1MB") as board, board.open() as port:
        assert "rst:0x7 (TG0WDT_SYS_RST)" in read_until(port, b"invalid header: 0xffffffff")
        assert board.tell("state")["mode"] in {"stopped", "starting"}


def test_a_release_can_be_in_the_flash_from_the_start(firmware: None, tmp_path: Path) -> None:
    del firmware
    release = write_release(tmp_path / "release", BOARD, "3.0.0", size=16_384)
    with simulated(tmp_path, "esp32c3", "--release", str(release), *LOOPBACK) as board:
        assert state(board, mode="running")["version"] == "3.0.0"


def test_the_firmware_ends_with_the_board(board: Simulated) -> None:
    ask(board, "state")
    assert alive(str(board.directory))
    board.process.terminate()
    assert board.process.wait(LIMIT_SECONDS) == 0
    assert alive(str(board.directory)) == []


def test_the_firmware_ends_with_a_board_that_is_killed(board: Simulated) -> None:
    ask(board, "state")
    board.process.kill()
    assert gone(str(board.directory))


def test_a_flash_belongs_to_one_board(board: Simulated) -> None:
    with (
        pytest.raises(AssertionError, match="is the flash of a board that runs"),
        simulated(board.directory, "esp32c3"),
    ):
        pass


def test_a_second_host_is_turned_away(board: Simulated) -> None:
    with board.open(), pytest.raises(OSError, match=r"RFC2217|connection|terminated|Broken pipe"):
        board.open()
    assert ask(board, "state")["fw"] == "1.2.3"
