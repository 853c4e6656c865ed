"""Speaker and microphone."""

from __future__ import annotations

import time

import pytest

from hil.board import Board
from hil.record import sound
from hil.record.results import Measuring

pytestmark = pytest.mark.quick


@pytest.mark.tap
@pytest.mark.witness
def test_what_is_played_can_be_heard(live: Board, measure: Measuring) -> None:
    time.sleep(2.5)  # a simulated board speaks at power-on, and hears its echo
    live.ask('do tone {"hz":880,"ms":1000}')
    time.sleep(1.5)
    heard = sound.loud_part(_newest(live, 2.0))
    measure("speaker_db", sound.level_db(heard), "the speaker is silent while the board plays 880 Hz")
    measure("speaker_tone_error_hz", abs(sound.tone(heard).hz - 880), "the speaker plays at another rate")
    measure("speaker_gaps", sound.gaps(heard).count, f"the longest is {sound.gaps(heard).longest_ms:.0f} ms")
    measure("speaker_clicks", sound.clicks(heard), "steps in the waveform: blocks are lost or torn")


def _newest(board: Board, seconds: float) -> sound.Signal:
    path = board.backend.speaker()
    assert path is not None
    board.until(lambda: sound.read(path).size > seconds * sound.RATE / 2, "the recording of the speaker")
    return sound.read(path)[-int(seconds * sound.RATE) :]
