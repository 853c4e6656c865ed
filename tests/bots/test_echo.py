import pytest
from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame

from gateway.bots.echo import Backlog, Echo
from gateway.rtc.pacer import FRAME_BYTES, Pacer
from tests.support.pipelines import run_test


async def test_audio_comes_back_as_it_went_in() -> None:
    frames: list[Frame] = [InputAudioRawFrame(bytes([n]) * 640, 16_000, 1) for n in range(3)]
    down, _ = await run_test(Echo(), frames_to_send=frames, expected_down_frames=[OutputAudioRawFrame] * 3)
    audio = [frame.audio for frame in down if isinstance(frame, OutputAudioRawFrame)]
    assert audio == [bytes([n]) * 640 for n in range(3)]


def waiting(times: list[float]) -> tuple[int, float]:
    """How many of the frames that come at these times are left out, and what the last one waits for, in seconds."""
    backlog, said_until, left_out = Backlog(), 0.0, 0
    for now in times:
        if backlog.takes(now):
            said_until = max(said_until, now) + 0.02
        else:
            left_out += 1
    return left_out, said_until - times[-1] - 0.02


def test_after_a_stall_the_echo_is_as_prompt_as_before() -> None:
    steady = [0.02 * n for n in range(50)]
    burst = [1.5 + 0.0005 * n for n in range(25)]  # half a second of frames at once
    after = [1.52 + 0.02 * n for n in range(50)]
    left_out, wait = waiting(steady + burst + after)
    assert wait < 0.02
    assert 20 <= left_out <= 25


def test_what_redundancy_brings_at_once_is_said_whole() -> None:
    """After four lost in a row: one filled in, three restored, and the one that brought them."""
    lossy = [0.02 * n for n in range(100)] + [2.08 + 0.0001 * n for n in range(5)]
    after = [2.08 + 0.02 * n for n in range(1, 100)]
    assert waiting(lossy + after[:10])[0] == 0
    left_out, wait = waiting(lossy + after)
    assert left_out <= 4
    assert wait < 0.02


@pytest.mark.parametrize(
    ("ppm", "most"), [(200, 0), (0, 0), (-200, 12)]
)  # 120 ms, of which a frame takes 10 to 20
def test_a_clock_that_differs_makes_no_delay(ppm: int, most: int) -> None:
    left_out, wait = waiting([0.02 * n * (1 + ppm * 1e-6) for n in range(30_000)])
    assert wait <= 0.07
    assert left_out <= most


def test_a_delay_that_stays_costs_no_frame() -> None:
    assert waiting([0.02 * n + (0.5 if n > 100 else 0) for n in range(1_000)])[0] == 0


def test_a_scheduler_that_is_late_by_two_frames_costs_none() -> None:
    assert waiting([max(0.02 * n, 0.02 * (n // 3 * 3 + 2)) for n in range(300)])[0] == 0


def said(times: list[float]) -> list[float]:
    """How long each of the frames that come at these times, and are not left out, waits until the pacer sends it."""
    backlog, pacer = Backlog(), Pacer(0.0)
    waits: list[float] = []
    pushed: list[float] = []
    for now in times:
        while pacer.deadline < now:
            packet = pacer.next_packet(at := pacer.deadline)
            if packet is not None and not packet.silent:
                waits.append(at - pushed[len(waits)])
        if backlog.takes(now):
            pacer.push(b"\1" * FRAME_BYTES, now)
            pushed.append(now)
    return waits


@pytest.mark.parametrize("late", [0.012, 0.017, 0.025, 0.033, 0.045])
def test_one_late_frame_makes_no_lasting_delay(late: float) -> None:
    waits = said([0.02 * n + (late if n == 100 else 0) for n in range(400)])
    assert len(waits) >= 396
    assert max(waits[-100:]) < 0.011
