import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest
from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frameworks.rtvi.frames import RTVIClientMessageFrame, RTVIServerMessageFrame
from pipecat.tests.utils import run_test

from gateway.speech.dialogue import DEVICE_STATE, Dialogue, last_user_text, ring_tone, trim
from gateway.speech.intents import Recogniser
from gateway.speech.reply import Timer

_ANSWER: list[type] = [LLMFullResponseStartFrame, LLMTextFrame, LLMFullResponseEndFrame]


def _heard(text: str) -> LLMContextFrame:
    return LLMContextFrame(LLMContext([{"role": "user", "content": text}]))


def _dialogue(recogniser: Recogniser, *, has_llm: bool = False) -> Dialogue:
    return Dialogue(recogniser, lambda: datetime(2026, 11, 20, 9, 0, tzinfo=UTC), has_llm=has_llm)


async def _texts(dialogue: Dialogue, frames: list[Frame], expected: list[type]) -> list[str]:
    down, _ = await run_test(dialogue, frames_to_send=frames, expected_down_frames=expected)
    return [frame.text for frame in down if isinstance(frame, LLMTextFrame)]


async def test_a_question_is_answered(recogniser: Recogniser) -> None:
    assert await _texts(_dialogue(recogniser), [_heard("what time is it")], _ANSWER) == [
        "It's nine o'clock in the morning."
    ]


async def test_what_it_does_not_understand_it_says(recogniser: Recogniser) -> None:
    assert await _texts(_dialogue(recogniser), [_heard("the moon is made of cheese")], _ANSWER) == [
        "Sorry, I didn't understand that."
    ]


async def test_a_single_unknown_word_is_taken_for_noise(recogniser: Recogniser) -> None:
    assert await _texts(_dialogue(recogniser), [_heard("cheese")], []) == []


async def test_with_a_language_model_it_answers_what_the_intents_do_not(recogniser: Recogniser) -> None:
    dialogue = _dialogue(recogniser, has_llm=True)
    assert await _texts(dialogue, [_heard("why is the sky blue")], [LLMContextFrame]) == []


async def test_with_a_language_model_the_intents_still_come_first(recogniser: Recogniser) -> None:
    dialogue = _dialogue(recogniser, has_llm=True)
    assert await _texts(dialogue, [_heard("what is two plus two")], _ANSWER) == ["Two plus two is four."]


async def test_it_remembers_what_was_said(recogniser: Recogniser) -> None:
    frames: list[Frame] = [_heard("what is two plus two"), _heard("what did i say"), _heard("say that again")]
    assert (await _texts(_dialogue(recogniser), frames, _ANSWER * 3))[1:] == [
        "You said: what is two plus two.",
        "You said: what is two plus two.",
    ]


async def test_the_device_is_told_its_volume(recogniser: Recogniser) -> None:
    down, _ = await run_test(
        _dialogue(recogniser),
        frames_to_send=[_heard("mute")],
        expected_down_frames=[RTVIServerMessageFrame],
    )
    (message,) = [frame for frame in down if isinstance(frame, RTVIServerMessageFrame)]
    assert message.data == {"type": "device-command", "command": "volume", "value": 0}


@pytest.mark.parametrize(
    ("data", "percent"),
    [({"volume": 20}, "twenty"), ({"volume": 900}, "seventy"), ("junk", "seventy"), (None, "seventy")],
)
async def test_the_device_tells_its_volume(recogniser: Recogniser, data: object, percent: str) -> None:
    frames: list[Frame] = [RTVIClientMessageFrame("1", DEVICE_STATE, data), _heard("what's the volume")]
    expected = [RTVIClientMessageFrame, *_ANSWER]
    assert await _texts(_dialogue(recogniser), frames, expected) == [f"The volume is {percent} percent."]


async def test_a_timer_rings_and_speaks(recogniser: Recogniser, monkeypatch: pytest.MonkeyPatch) -> None:
    dialogue = _dialogue(recogniser)
    pushed: list[Frame] = []

    async def push(frame: Frame) -> None:
        pushed.append(frame)

    monkeypatch.setattr(dialogue, "push_frame", push)
    await dialogue._ring(Timer(1, "five minute", 300, 0.0))
    tone, speech = pushed
    assert isinstance(tone, OutputAudioRawFrame)
    assert isinstance(speech, TTSSpeakFrame)
    assert speech.text == "Your five minute timer is done."


async def test_timers_do_not_outlive_the_call(recogniser: Recogniser) -> None:
    await _texts(_dialogue(recogniser), [_heard("set a timer for one hour")], _ANSWER)
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("timer-")] == []


def test_only_the_users_last_message_counts() -> None:
    context = LLMContext([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}])
    assert last_user_text(context) == ""


def test_text_in_parts_is_text() -> None:
    parts = [{"type": "text", "text": "what time"}, {"type": "text", "text": "is it"}]
    context = LLMContext([{"role": "user", "content": parts}])  # type: ignore[list-item]
    assert last_user_text(context) == "what time is it"


def test_a_long_conversation_is_cut() -> None:
    context = LLMContext([{"role": "user", "content": str(n)} for n in range(100)])
    trim(context)
    assert [message["content"] for message in context.get_messages()][::39] == ["60", "99"]  # type: ignore[index]


def test_the_tone_is_audible_and_short() -> None:
    samples = np.frombuffer(ring_tone(), dtype=np.int16)
    assert len(samples) < 16_000
    assert np.abs(samples).max() > 5_000
