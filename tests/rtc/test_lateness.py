from __future__ import annotations

import numpy as np
import pytest

from gateway.rtc.lateness import GIVE_UP_SECONDS, PAUSE_SECONDS, Lateness

FRAME = 640


def tone(seconds: float, hertz: float = 180.0) -> bytearray:
    at = np.arange(round(16_000 * seconds)) / 16_000
    return bytearray((8_000 * np.sin(2 * np.pi * hertz * at)).astype("<i2").tobytes())


def steepest(pcm: bytes | bytearray) -> int:
    return int(np.abs(np.diff(np.frombuffer(bytes(pcm), "<i2").astype(int))).max())


def test_where_nothing_was_held_up_nothing_is_cut() -> None:
    assert Lateness().cut(tone(1.0), 0.0) == 0


def test_quiet_goes_at_once_and_no_more_of_it_than_was_held_up() -> None:
    lateness, queue = Lateness(), bytearray(10 * FRAME)
    lateness.stalled(3 * FRAME, 5.0)
    assert [lateness.cut(queue, 5.0) for _ in range(5)] == [FRAME, FRAME, FRAME, 0, 0]
    assert len(queue) == 7 * FRAME


def test_the_last_frame_is_left() -> None:
    lateness, queue = Lateness(), bytearray(2 * FRAME)
    lateness.stalled(3 * FRAME, 5.0)
    assert [lateness.cut(queue, 5.0) for _ in range(3)] == [FRAME, 0, 0]


@pytest.mark.parametrize("hertz", [90.0, 180.0, 333.0])
def test_a_voice_is_shortened_without_a_click(hertz: float) -> None:
    lateness, queue = Lateness(), tone(1.0, hertz)
    lateness.stalled(3 * FRAME, 5.0)
    said, cuts = bytearray(), []
    for packet in range(40):
        cuts.append(lateness.cut(queue, 5.0 + PAUSE_SECONDS + 0.02 * packet))
        said += queue[:FRAME]
        del queue[:FRAME]
    assert sum(cuts) == pytest.approx(3 * FRAME, abs=FRAME)
    assert all(FRAME // 2 <= cut <= FRAME for cut in cuts if cut)
    assert steepest(said) < 1.3 * steepest(tone(1.0, hertz))


def test_speech_is_given_a_moment_for_a_pause() -> None:
    lateness = Lateness()
    lateness.stalled(3 * FRAME, 5.0)
    queue = tone(1.0)
    assert not any(lateness.cut(queue, 5.0 + PAUSE_SECONDS / 2) for _ in range(10))


def test_what_waits_long_after_a_stall_waits_for_another_reason() -> None:
    lateness = Lateness()
    lateness.stalled(3 * FRAME, 5.0)
    assert lateness.cut(bytearray(10 * FRAME), 5.1 + GIVE_UP_SECONDS) == 0
