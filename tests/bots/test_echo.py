from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.tests.utils import run_test

from gateway.bots.echo import Echo


async def test_audio_comes_back_as_it_went_in() -> None:
    frames: list[Frame] = [InputAudioRawFrame(bytes([n]) * 640, 16_000, 1) for n in range(3)]
    down, _ = await run_test(Echo(), frames_to_send=frames, expected_down_frames=[OutputAudioRawFrame] * 3)
    audio = [frame.audio for frame in down if isinstance(frame, OutputAudioRawFrame)]
    assert audio == [bytes([n]) * 640 for n in range(3)]
