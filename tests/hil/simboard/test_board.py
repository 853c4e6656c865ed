"""The board without a clock, a socket or a process: lines and bytes in, effects out."""

from __future__ import annotations

import pytest

from hil.simboard import slip
from hil.simboard.board import Board, Feed, Mode, Send, Start, Stop
from hil.simboard.chips import ESP32C3, Reset
from hil.simboard.demo import application
from hil.simboard.flash import Flash
from hil.simboard.lines import SETTLE_SECONDS, AutoReset, UsbJtag
from hil.simboard.loader import SYNC, Op
from tests.hil.simboard.support import FACTS, install, request


@pytest.fixture
def board(flash: Flash) -> Board:
    return Board(ESP32C3, flash, bytes(6), AutoReset())


@pytest.fixture
def running(board: Board, flash: Flash) -> Board:
    """Its firmware has been started."""
    install(flash, ESP32C3, application(FACTS["esp32c3"], "1.0.0", size=16_384))
    board.power(0.0, on=True)
    assert any(isinstance(effect, Start) for effect in board.drain())
    return board


def sent(board: Board) -> bytes:
    return b"".join(effect.data for effect in board.drain() if isinstance(effect, Send))


def mode(board: Board) -> Mode:
    return board.mode


def lines(board: Board, *changes: tuple[bool, bool]) -> None:
    """(DTR, RTS) one after the other, at the time 1."""
    for dtr, rts in changes:
        board.lines(1.0, dtr=dtr, rts=rts)


ANY = bytes(range(256))
CLASSIC = ((False, True), (True, True), (True, False), (False, False))
HARD = ((False, True), (False, False))


def test_esptools_classic_sequence_ends_in_the_loader(board: Board) -> None:
    board.power(0.0, on=True)
    lines(board, *CLASSIC)
    assert mode(board) is Mode.LOADER
    assert sent(board).endswith(b"boot:0x4 (DOWNLOAD(USB/UART0/1))\r\nwaiting for download\r\n")


def test_a_pulse_on_rts_starts_from_flash(running: Board) -> None:
    lines(running, *HARD)
    assert mode(running) is Mode.STARTING  # the firmware of before is still to go
    running.firmware_ended(1.1, wanted=False)
    assert mode(running) is Mode.RUNNING
    assert running.boots == 2


def test_both_lines_together_start_it_once_they_stay(board: Board) -> None:
    board.power(0.0, on=True)
    lines(board, (False, True), (True, True))
    assert board.deadline == 1.0 + SETTLE_SECONDS
    board.tick(1.1)
    assert mode(board) is Mode.STARTING
    board.tick(1.0 + SETTLE_SECONDS)
    assert mode(board) is Mode.STOPPED  # from flash, which is empty


def test_a_host_that_holds_both_lines_does_not_delay_a_chip_that_resets_itself(running: Board) -> None:
    lines(running, (True, False), (True, True))
    running.firmware_ended(1.0, wanted=True)
    assert running.deadline == 1.0
    running.tick(1.0)
    assert mode(running) is Mode.RUNNING


def test_the_chips_own_usb_is_another_reason_for_a_reset(flash: Flash) -> None:
    board = Board(ESP32C3, flash, bytes(6), UsbJtag())
    board.power(0.0, on=True)
    sent(board)
    lines(board, *HARD)
    assert b"rst:0x15 (USB_UART_CHIP_RESET)" in sent(board)


def test_opening_and_closing_a_port_does_nothing(running: Board) -> None:
    lines(running, (True, False), (True, True), (False, False))
    assert mode(running) is Mode.RUNNING
    assert running.drain() == []


def test_a_reset_ends_the_firmware_and_what_it_says_then_is_not_heard(running: Board) -> None:
    lines(running, (False, True))
    assert running.drain() == [Stop()]
    running.firmware_wrote(b"last words\n")
    assert running.drain() == []


def test_the_boot_button_counts_when_the_chip_starts(running: Board) -> None:
    running.button(down=True)
    assert mode(running) is Mode.RUNNING
    running.reset(Reset.POWER_ON, 1.0)
    running.firmware_ended(1.0, wanted=False)
    assert mode(running) is Mode.LOADER


def test_the_console_passes_any_byte_both_ways(running: Board) -> None:
    running.receive(ANY, 1.0)
    assert running.drain() == [Feed(ANY)]
    running.firmware_wrote(ANY)
    assert sent(running) == ANY


def test_without_power_nothing_is_heard_or_said(running: Board) -> None:
    running.power(1.0, on=False)
    assert running.drain() == [Stop()]
    running.firmware_ended(1.0, wanted=False)
    lines(running, *CLASSIC)
    running.receive(request(Op.SYNC.value, SYNC), 1.0)
    running.reset(Reset.POWER_ON, 1.0)
    assert (running.mode, running.drain(), running.deadline) == (Mode.OFF, [], None)


def test_power_back_before_the_firmware_is_gone_waits_for_it(running: Board) -> None:
    running.power(1.0, on=False)
    running.power(1.0, on=True)
    assert mode(running) is Mode.STARTING
    running.firmware_ended(1.1, wanted=False)
    assert mode(running) is Mode.RUNNING


@pytest.mark.parametrize(("wanted", "reset"), [(True, Reset.RESTART), (False, Reset.PANIC)])
def test_firmware_that_ends_starts_again(wanted: bool, reset: Reset, running: Board) -> None:
    running.firmware_ended(1.0, wanted=wanted)
    assert (b"Guru Meditation" in sent(running)) != wanted
    assert running.deadline is not None
    running.tick(running.deadline)
    (start,) = (effect for effect in running.drain() if isinstance(effect, Start))
    assert start.reset is reset


def test_the_rom_takes_the_hosts_speed_and_keeps_it(board: Board) -> None:
    board.power(0.0, on=True)
    board.baud(230400)
    lines(board, *CLASSIC)
    assert board.speed == 230400
    sent(board)
    board.receive(request(Op.SYNC.value, SYNC), 1.0)
    assert {effect.baud for effect in board.drain() if isinstance(effect, Send)} == {230400}
    board.baud(921600)
    assert board.speed == 230400


def test_a_new_speed_begins_after_the_answer(board: Board) -> None:
    board.power(0.0, on=True)
    lines(board, *CLASSIC)
    sent(board)
    board.receive(request(Op.CHANGE_BAUDRATE.value, (921600).to_bytes(4, "little") + bytes(4)), 1.0)
    assert [effect.baud for effect in board.drain() if isinstance(effect, Send)] == [115200]
    assert board.speed == 921600


def test_run_user_code_leaves_the_loader(board: Board, flash: Flash) -> None:
    install(flash, ESP32C3, application(FACTS["esp32c3"], "1.0.0", size=16_384))
    board.power(0.0, on=True)
    board.drain()
    board.firmware_ended(0.5, wanted=False)
    lines(board, *CLASSIC)
    board.receive(request(Op.FLASH_END.value, (1).to_bytes(4, "little")), 1.0)
    assert mode(board) is Mode.RUNNING


def test_an_answer_is_framed(board: Board) -> None:
    board.power(0.0, on=True)
    lines(board, *CLASSIC)
    sent(board)
    board.receive(request(Op.SYNC.value, SYNC), 1.0)
    assert len(list(slip.Decoder(100).feed(sent(board)))) == 8
