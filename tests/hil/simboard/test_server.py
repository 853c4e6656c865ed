"""The port as a program meets it: speeds, faults that pass, hosts that talk nonsense, and the control channel."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from hil.simboard.demo import write_release
from tests.hil.simboard.support import FACTS, SECONDS, Simulated, esptool, read_until, simulated


@pytest.fixture(scope="module")
def shared(firmware: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    """A board whose firmware is on the loopback network alone."""
    del firmware
    directory = tmp_path_factory.mktemp("board")
    release = write_release(directory / "release", FACTS["esp32s3"], "1.0.0", size=16_384)
    arguments = ("--", "--interface", "lo", "--gateway", "http://127.0.0.1:9")
    with simulated(directory, "esp32s3", "--release", str(release), *arguments) as running:
        yield running


@pytest.fixture
def board(shared: Simulated) -> Simulated:
    shared.tell("fault off")
    shared.tell("plug")
    return shared


def dial(board: Simulated) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(board.url.rpartition(":")[2])), timeout=SECONDS)


def answers(board: Simulated) -> bool:
    """Its console, before long."""
    with board.open() as port:
        port.timeout = 0.5
        for _ in range(2 * SECONDS):
            port.write(b"state\n")
            if b"@ok" in port.read_until(b"@ok"):
                return True
    return False


def read_on(port: serial.Serial) -> None:
    """Until the connection ends."""
    for _ in range(1000):
        port.read(1)


def test_at_another_speed_nothing_can_be_read_or_said(board: Simulated) -> None:
    with board.open() as port:
        port.baudrate = 9600
        port.reset_input_buffer()  # of what came before that
        port.rts = True
        port.rts = False
        port.write(b"state\n" * 20)
        heard = port.read(50)
    assert len(heard) == 50
    assert b"ESP-ROM" not in heard
    assert b"@ok" not in heard


def test_a_stall_passes(board: Simulated) -> None:
    assert answers(board)
    board.tell("fault stall@0")
    with board.open() as port:
        port.timeout = 0.3
        while port.read(100):
            pass  # it was under way before the stall
        port.write(b"state\n")
        assert port.read(100) == b""
    board.tell("fault off")
    assert answers(board)


def test_a_board_that_is_unplugged_is_gone_until_it_is_plugged_in(board: Simulated) -> None:
    assert answers(board)
    board.tell("fault unplug@3")
    port = board.open()
    port.write(b"state\n")
    with pytest.raises(serial.SerialException):
        read_on(port)
    port.close()
    with pytest.raises(ConnectionRefusedError):
        dial(board)
    assert board.tell("state")["mode"] == "off"
    board.tell("plug")
    assert answers(board)


def test_a_board_can_be_unplugged_for_a_while(board: Simulated) -> None:
    boots = board.tell("state")["boots"]
    board.tell("fault unplug@3:0.5")
    with contextlib.suppress(OSError), board.open() as port:
        port.write(b"state\n")
    end = time.monotonic() + SECONDS
    while board.tell("state")["boots"] == boots and time.monotonic() < end:
        pass
    assert board.tell("state")["boots"] == boots + 1
    assert answers(board)


@pytest.mark.parametrize("nonsense", [b"\xff\xfa\x2c\x01\xff\xf0", b"\xff\xfa" + bytes(2000)])
def test_a_host_that_talks_nonsense_is_cut_off_and_the_next_is_served(
    nonsense: bytes, board: Simulated
) -> None:
    """SET-BAUDRATE without one; an option without an end."""
    with dial(board) as host:
        host.sendall(nonsense)
        while host.recv(1000):
            pass
    assert answers(board)


def test_a_host_that_leaves_lets_go_of_the_lines(board: Simulated) -> None:
    port = board.open()
    port.rts = True
    assert board.tell("state")["mode"] == "held in reset"
    port.close()
    end = time.monotonic() + SECONDS
    while board.tell("state")["mode"] != "running" and time.monotonic() < end:
        pass
    assert board.tell("state")["mode"] == "running"


def test_the_boot_button_leads_to_the_loader_where_lines_do_not(firmware: None, tmp_path: Path) -> None:
    del firmware
    with simulated(tmp_path, "esp32c3", "--size", "1MB", "--wiring", "none") as board, board.open() as port:
        port.rts = True
        assert board.tell("state")["mode"] != "held in reset"
        board.tell("button down")
        board.tell("reset")
        read_until(port, b"waiting for download")


@pytest.mark.parametrize("line", ["nonsense", "fault melt@5", "power sideways", "fault verify@0x10000000"])
def test_the_control_channel_says_what_it_does_not_take(line: str, board: Simulated) -> None:
    with pytest.raises(AssertionError, match=r"^err "):
        board.tell(line)
    assert board.tell("state")["chip"] == "esp32s3"


def test_esptool_reaches_it_with_the_pyserial_that_a_user_has(firmware: None, tmp_path: Path) -> None:
    del firmware
    with simulated(tmp_path, "esp32c3", "--size", "1MB") as board:
        done = esptool(board, "--chip", "esp32c3", "--no-stub", "read-mac", quick=False)
    assert done.returncode == 0, done.stdout
    assert "Hard resetting via RTS pin..." in done.stdout
