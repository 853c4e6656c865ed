from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.tools.devices import console, device
from tools.board import boot, logline
from tools.board.boot import Progress, Reached
from tools.board.console import Console
from tools.errors import BootError, ConsoleError

LOOP = b"rst:0x7 (TG0WDT_SYS_RST),boot:0xc (SPI_FAST_FLASH_BOOT)\r\ninvalid header: 0xffffffff\r\n"


def seen(*lines: str) -> Progress:
    progress = Progress()
    for line in lines:
        progress.take(logline.parse(line))
    return progress


def state(name: str, reason: str = "none") -> str:
    return f'@evt {{"event":"state","state":"{name}","reason":"{reason}"}}'


@pytest.mark.parametrize(
    ("lines", "reached"),
    [
        ([], Reached.NOTHING),
        (["I (1) boot: hello"], Reached.NOTHING),
        ([state("provisioning")], Reached.BOOTED),
        ([state("network")], Reached.BOOTED),
        ([state("network"), state("backoff", "wifi_refused")], Reached.BOOTED),
        ([state("discovery")], Reached.NETWORK),
        ([state("discovery"), state("backoff", "no_gateway")], Reached.NETWORK),
        ([state("signalling"), state("backoff", "unreachable")], Reached.NETWORK),
        ([state("signalling"), state("backoff", "key_rejected")], Reached.GATEWAY),
        ([state("connecting")], Reached.GATEWAY),
        ([state("live")], Reached.LIVE),
        (['@ok {"state":"live","last_failure":"none"}'], Reached.LIVE),
        (['@ok {"state":"network","last_failure":"key_rejected"}'], Reached.BOOTED),
        ([state("live"), state("network")], Reached.LIVE),
    ],
)
def test_how_far_a_board_got_is_read_off_its_lines(lines: list[str], reached: Reached) -> None:
    assert seen(*lines).reached == reached


@pytest.mark.parametrize(
    ("lines", "cause", "remedy"),
    [
        ([], "says nothing", "RESET"),
        (["invalid header: 0xffffffff"], "no firmware in the flash", "--erase"),
        ([state("provisioning")], "no Wi-Fi settings", "voicegw provision"),
        ([state("backoff", "wifi_refused")], "refuses the password", "password"),
        ([state("backoff", "no_gateway")], "no gateway answers", "doctor"),
        ([state("backoff", "key_rejected")], "does not know the device's key", "devices add"),
        ([state("backoff", "a_new_one")], "its reason is a_new_one", "monitor"),
    ],
)
def test_why_it_got_no_further_is_told_with_what_to_do(lines: list[str], cause: str, remedy: str) -> None:
    error = boot.failure(seen(*lines), 9.0)
    assert cause in error.cause
    assert remedy in error.remedy


@contextlib.contextmanager
def on_a_line(answers: dict[str, str]) -> Iterator[Console]:
    with device(console(answers)) as there, contextlib.closing(Console(there.port)) as opened:
        yield opened


def test_a_board_that_answers_is_followed_to_the_stage_that_is_wanted() -> None:
    stages: list[Reached] = []
    with on_a_line({"state": '@ok {"state":"live"}'}) as opened:
        assert boot.follow(opened, Reached.GATEWAY, tell=stages.append).reached == Reached.LIVE
    assert stages == [Reached.BOOTED, Reached.NETWORK, Reached.GATEWAY, Reached.LIVE]


@pytest.mark.parametrize("reason", ["key_rejected", "tls_pin", "tls_required"])
def test_what_will_not_change_is_not_waited_for(reason: str) -> None:
    answers = {"state": f'@ok {{"state":"backoff","last_failure":"{reason}"}}'}
    with on_a_line(answers) as opened, pytest.raises(BootError, match=r"reached (gateway|wifi)"):
        boot.follow(opened, Reached.LIVE, seconds=60)


def test_what_may_still_come_is_waited_for_and_then_told() -> None:
    answers = {"state": '@ok {"state":"backoff","last_failure":"no_gateway"}'}
    with (
        on_a_line(answers) as opened,
        pytest.raises(BootError, match=r"reached wifi.*after 3 s.*no gateway"),
    ):
        boot.follow(opened, Reached.LIVE, seconds=3)


def test_a_boot_loop_is_noticed_and_its_complaint_told() -> None:
    with device(lambda _: LOOP) as there, contextlib.closing(Console(there.port)) as opened:
        there.say(LOOP * 3)
        with pytest.raises(BootError, match="does not start: there is no firmware"):
            boot.follow(opened, Reached.BOOTED, seconds=60)


# -- the console below it


def test_a_command_is_answered_among_other_lines() -> None:
    with on_a_line({"state": 'I (1) log\n@evt {"event":"x"}\n@ok {"state":"live"}'}) as opened:
        assert opened.ask("state") == {"state": "live"}


def test_what_comes_with_an_answer_is_not_lost() -> None:
    seen: list[logline.Line] = []
    answers = {"state": '@ok {"state":"live"}\n@evt {"event":"x"}\nI (1) log', "help": "@ok {}"}
    with (
        device(console(answers)) as there,
        contextlib.closing(Console(there.port, seen.append)) as opened,
    ):
        opened.ask("state")
        opened.ask("help")
    live, event, log, helped = seen
    assert (event, log) == (logline.Event({"event": "x"}), logline.Log("I (1) log"))
    assert (live, helped) == (logline.Answer({"state": "live"}), logline.Answer({}))


def test_a_refusal_names_the_command_without_its_value() -> None:
    refusal = '@err {"error":"value_refused","remedy":"settings"}'
    with (
        on_a_line({"settings set key hunter2": refusal}) as opened,
        pytest.raises(ConsoleError, match="refuses settings set: value_refused") as error,
    ):
        opened.ask("settings set key hunter2")
    assert "hunter2" not in f"{error.value.cause}{error.value.remedy}"


def test_silence_is_said() -> None:
    with on_a_line({"state": ""}) as opened, pytest.raises(ConsoleError, match="does not answer state"):
        opened.ask("state", seconds=0.3)


def test_bytes_without_lines_do_not_pile_up() -> None:
    with device(lambda _: b"") as there, contextlib.closing(Console(there.port)) as opened:
        for _ in range(10):
            there.say(b"\xa5" * 4000)
            list(opened.lines(0.05))
        assert len(opened._rest) <= 16_384
