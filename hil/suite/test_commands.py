"""Volume and the other commands."""

from __future__ import annotations

import time

import pytest

from hil.board import Board
from hil.errors import Refused
from hil.record.results import Measuring


@pytest.mark.quick
@pytest.mark.witness
def test_the_volume_is_stored(unpaired: Board) -> None:
    before = unpaired.ask("settings get volume")["volume"]
    unpaired.ask("do volume 35")
    assert unpaired.ask("settings get volume")["volume"] == "35"
    unpaired.ask(f"do volume {before or 70}")


def test_a_reset_while_a_setting_is_stored_leaves_the_old_or_the_new(unpaired: Board) -> None:
    unpaired.ask("do volume 70")
    before, old = unpaired.ask("settings"), "70"
    for step in range(8):
        new = str(20 + step)
        unpaired.dut.write(f"do volume {new}\n")
        time.sleep(step * 0.004)  # somewhere in it
        unpaired.reset()
        unpaired.ready()
        stored = unpaired.ask("settings")
        assert stored["volume"] in {old, new}, f"neither {old} nor {new}: {stored}"
        assert stored == before | {"volume": stored["volume"]}
        old = stored["volume"]
    unpaired.ask("do volume 70")


@pytest.mark.audio_out
def test_half_the_volume_is_softer(live: Board, measure: Measuring) -> None:
    levels = []
    for percent in (100, 30):
        live.ask(f"do volume {percent}")
        live.ask("inject tone 500")
        time.sleep(0.8)
        live.ask("capture start")
        time.sleep(0.6)
        levels.append(live.ask("capture")["rms_db10"] / 10)
    live.ask("inject off")
    live.ask("do volume 70")
    measure("volume_db", levels[0] - levels[1], f"at 100 % {levels[0]:.1f} dB, at 30 % {levels[1]:.1f} dB")


@pytest.mark.audio_out
def test_muted_is_silent(live: Board) -> None:
    live.ask("do mute true")
    live.ask("inject tone 500")
    time.sleep(0.8)
    live.ask("capture start")
    time.sleep(0.5)
    heard = live.ask("capture")
    live.ask("do mute false")
    assert heard["sound_percent"] == 0, f"muted, it still plays: {heard}"


@pytest.mark.parametrize("command", ['led "#00ff00"', 'led "auto"', "identify", "tone 440"])
def test_it_takes(unpaired: Board, command: str) -> None:
    try:
        unpaired.ask(f"do {command}")
    except Refused as refused:
        if refused.code != "no_led":
            raise


@pytest.mark.parametrize(
    ("command", "code"),
    [("volume 101", "out_of_range"), ("mute 1", "not_a_boolean"), ("dance", "unknown_command")],
)
def test_it_refuses(unpaired: Board, command: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        unpaired.ask(f"do {command}")
    assert refused.value.code == code
