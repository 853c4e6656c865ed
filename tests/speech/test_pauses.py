"""Pauses in speech, told of before the end of it; and the end of a turn, where how it was said leaves it in doubt."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.tests.utils import SleepFrame
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from gateway.speech.models import VoiceActivity
from gateway.speech.pauses import MOST, PauseFrame, PauseProcessor, TurnStop, WentOnFrame
from tests.speech.judge import Judge
from tests.support.pipelines import run_test

_TOLD = (VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame, PauseFrame, WentOnFrame)
_STARTED, _STOPPED, _PAUSE, _ON = (kind.__name__ for kind in _TOLD)


class _ByLoudness(VoiceActivity):
    """Takes what is loud for speech."""

    def voice_confidence(self, buffer: bytes) -> float:
        return float(np.abs(np.frombuffer(buffer, np.int16)).max() > 1_000)


class _Told(FrameProcessor):
    """Behind it: keeps what was told, and after how many blocks of audio."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.after: list[int] = []
        self._blocks = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self._blocks += isinstance(frame, InputAudioRawFrame)
        if isinstance(frame, _TOLD):
            self.told.append(type(frame).__name__)
            self.after.append(self._blocks)
        await self.push_frame(frame, direction)


async def _told(*seconds: float) -> _Told:
    """What is told of speech and silence in turn, each so long."""
    told = _Told()
    ear = _ByLoudness(16_000, VADParams(start_secs=0.1, stop_secs=0.2, min_volume=0.0))
    worker = PipelineWorker(
        Pipeline([PauseProcessor(ear), told]), params=PipelineParams(audio_in_sample_rate=16_000)
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run(), name="ear")
    for number, length in enumerate(seconds):
        block = np.full(320, 0 if number % 2 else 9_000, np.int16).tobytes()
        for _ in range(round(length / 0.02)):
            await worker.queue_frame(InputAudioRawFrame(block, 16_000, 1))
    await worker.queue_frame(EndFrame())
    await running
    return told


async def test_a_pause_is_told_of_before_the_end_of_speech() -> None:
    found = await _told(0.6, 0.6)
    assert found.told == [_STARTED, _PAUSE, _STOPPED]
    assert found.after[1] < found.after[2]


async def test_a_pause_is_taken_back_where_speech_goes_on() -> None:
    found = await _told(0.6, 0.12, 0.6, 0.6)
    assert found.told == [_STARTED, _PAUSE, _ON, _PAUSE, _STOPPED]


async def test_less_than_a_pause_is_not_told_of() -> None:
    found = await _told(0.6, 0.04, 0.6, 0.6)
    assert found.told == [_STARTED, _PAUSE, _STOPPED]


async def test_of_many_pauses_some_are_told_of_and_each_is_taken_back() -> None:
    found = await _told(*[0.3, 0.12] * (MOST + 3), 0.3, 0.6)
    assert found.told.count(_PAUSE) == found.told.count(_ON) == MOST
    assert all(then == _ON for now, then in pairwise(found.told) if now == _PAUSE)
    assert found.told[-1] == _STOPPED


async def test_who_speaks_again_has_as_many() -> None:
    once = [*[0.3, 0.12] * MOST, 0.3, 0.6]
    found = await _told(*once, *once)
    assert found.told.count(_PAUSE) == 2 * MOST


async def _ends(probability: float, *stretches: str) -> bool:
    """Whether a turn of these stretches of speech is over with the last one's words, without more silence."""
    stop = TurnStop(Judge(*[probability] * len(stretches)), lambda said: said == "a timer for five minutes")
    frames: list[Frame] = []
    for heard in stretches:
        frames += [VADUserStartedSpeakingFrame(), *[InputAudioRawFrame(bytes(640), 16_000, 1)] * 25]
        frames += [VADUserStoppedSpeakingFrame(), TranscriptionFrame(heard, "", "", finalized=True)]
        frames.append(SleepFrame(0.1))
    users = LLMUserAggregatorParams(user_turn_strategies=UserTurnStrategies(stop=[stop]))
    ended = False

    async def on_user_turn_stopped(*_: object) -> None:
        nonlocal ended
        ended = True

    stop.add_event_handler("on_user_turn_stopped", on_user_turn_stopped)
    await run_test(
        LLMContextAggregatorPair(LLMContext(), user_params=users).user(),
        frames_to_send=frames,
        pipeline_params=PipelineParams(audio_in_sample_rate=16_000),
    )
    return ended


async def test_of_a_turn_in_doubt_words_that_ask_for_something_whole_are_the_end() -> None:
    assert await _ends(0.3, "a timer for five minutes")
    assert await _ends(0.3, "a timer", "for five minutes")


async def test_words_that_do_not_are_waited_for() -> None:
    assert not await _ends(0.3, "a timer for five")


async def test_who_plainly_goes_on_is_waited_for_whatever_was_said() -> None:
    assert not await _ends(0.05, "a timer for five minutes")
