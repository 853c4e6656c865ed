import asyncio
from datetime import UTC, datetime
from typing import Any

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

from gateway.errors import GatewayError
from gateway.speech.dialogue import ATTENTION, DEVICE_STATE, Dialogue, last_user_text, ring_tone, trim
from gateway.speech.home_assistant import Said
from gateway.speech.meaning.intents import Recogniser
from gateway.speech.meaning.reply import Timer
from gateway.wire.promises import Wish
from tests.support.pipelines import run_test

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


async def test_a_request_that_it_does_not_understand_it_apologises_for(recogniser: Recogniser) -> None:
    assert await _texts(_dialogue(recogniser), [_heard("could you bake a cake")], _ANSWER) == [
        "Sorry, I didn't understand that."
    ]


@pytest.mark.parametrize("text", ["the moon is made of cheese", "[unclear] what is on tonight"])
async def test_to_what_was_not_meant_for_it_it_says_nothing(recogniser: Recogniser, text: str) -> None:
    assert await _texts(_dialogue(recogniser), [_heard(text)], []) == []


async def test_what_comes_after_its_word_is_meant_for_it(recogniser: Recogniser) -> None:
    called = RTVIClientMessageFrame(
        msg_id="1", type=ATTENTION, data={"state": "attentive", "by": "okay nabu"}
    )
    frames: list[Frame] = [called, _heard("the moon is made of cheese")]
    assert await _texts(_dialogue(recogniser), frames, [RTVIClientMessageFrame, *_ANSWER]) == [
        "Sorry, I didn't understand that."
    ]


async def test_two_requests_in_a_sentence_are_both_answered(recogniser: Recogniser) -> None:
    dialogue = _dialogue(recogniser)
    expected = [RTVIServerMessageFrame, *_ANSWER]
    [text] = await _texts(dialogue, [_heard("what time is it and set the volume to fifty percent")], expected)
    assert text == "It's nine o'clock in the morning. Volume fifty percent."


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


class _House:
    """A smart home that has a light; takes what begins with "tell me" for a thing's name; notes what it is asked."""

    def __init__(self, error: GatewayError | None = None) -> None:
        self.asked: list[str] = []
        self._error = error

    async def ask(self, sentence: str) -> Said | None:
        self.asked.append(sentence)
        if self._error is not None:
            raise self._error
        if "tell me" in sentence or "lamp" in sentence:
            return Said("I know no such thing.", known=False)
        return Said("Turned on the light.") if "light" in sentence else None

    async def close(self) -> None:
        """Nothing is held."""


def _at_home(recogniser: Recogniser, house: _House, *, has_llm: bool = False) -> Dialogue:
    now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    return Dialogue(recogniser, lambda: now, has_llm=has_llm, home=house)  # type: ignore[arg-type]


async def test_a_smart_home_does_what_is_of_it_and_is_asked_no_more(recogniser: Recogniser) -> None:
    house = _House()
    heard: list[Frame] = [
        _heard("turn on the light"),
        _heard("what is two plus two"),
        _heard("cheese is nice"),
    ]
    said = await _texts(_at_home(recogniser, house), heard, _ANSWER * 2)
    assert said == ["Turned on the light.", "Two plus two is four."]
    assert house.asked == ["turn on the light", "cheese is nice"]


async def test_of_what_a_smart_home_has_not_a_model_is_asked_or_it_says_so(recogniser: Recogniser) -> None:
    story, lamp = _heard("tell me a story about a king"), _heard("turn on the kitchen lamp")
    unknown = ["I know no such thing."]
    assert await _texts(_at_home(recogniser, _House(), has_llm=True), [story], [LLMContextFrame]) == []
    assert await _texts(_at_home(recogniser, _House()), [story], _ANSWER) == unknown
    assert await _texts(_at_home(recogniser, _House(), has_llm=True), [lamp], _ANSWER) == unknown


async def test_what_was_half_heard_is_not_sent_to_a_smart_home(recogniser: Recogniser) -> None:
    house = _House()
    await _texts(_at_home(recogniser, house), [_heard("turn [unclear] the light")], [])
    assert house.asked == []


async def test_a_smart_home_that_is_away_is_said(recogniser: Recogniser) -> None:
    house = _House(GatewayError("away"))
    said = await _texts(_at_home(recogniser, house), [_heard("turn on the light")], _ANSWER)
    assert said == ["I can't reach the smart home just now."]


async def test_what_we_only_refuse_is_for_the_model(recogniser: Recogniser) -> None:
    dialogue = _dialogue(recogniser, has_llm=True)
    assert await _texts(dialogue, [_heard("what's the weather")], [LLMContextFrame]) == []


class _Gateway:
    """What a gateway answers to a bot; notes what it is asked."""

    def __init__(self, error: GatewayError | None = None, **more: object) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._error = error
        self._more = more

    async def ask(self, tool: str, arguments: dict[str, Any] | None = None) -> Any:
        self.asked.append((tool, arguments or {}))
        if self._error is not None:
            raise self._error
        one = {"number": 7, "kind": "timer", "label": "pasta", "seconds": 600, "left": 61.2}
        return [one | self._more] if tool == "list_timers" else {}


def _kept(recogniser: Recogniser, gateway: _Gateway) -> Dialogue:
    return Dialogue(recogniser, lambda: datetime(2026, 11, 20, 9, 0, tzinfo=UTC), gateway=gateway)


async def test_a_gateway_keeps_the_timers(recogniser: Recogniser) -> None:
    gateway = _Gateway()
    heard: list[Frame] = [_heard("set a timer for five minutes"), _heard("cancel the timer")]
    said = await _texts(_kept(recogniser, gateway), heard, _ANSWER * 2)
    assert said == ["Okay, timer set for five minutes.", "Okay, the pasta timer is cancelled."]
    wish = {
        "kind": "timer",
        "seconds": 300,
        "label": "five minute",
        "text": "Your five minute timer is done.",
    }
    assert [(tool, body) for tool, body in gateway.asked if tool != "list_timers"] == [
        ("promise", wish),
        ("cancel_timer", {"number": 7}),
    ]


async def test_of_an_alarm_the_gateway_is_told_the_time_of_day(recogniser: Recogniser) -> None:
    gateway = _Gateway()
    heard: list[Frame] = [_heard("set an alarm for seven am"), _heard("remind me tomorrow at 6 pm to eat")]
    await _texts(_kept(recogniser, gateway), heard, _ANSWER * 2)
    assert [body for tool, body in gateway.asked if tool == "promise"] == [
        {"kind": "alarm", "time": "2026-11-21T07:00", "label": "", "text": "Your alarm is done."},
        {
            "kind": "reminder",
            "time": "2026-11-21T18:00",
            "label": "eat",
            "text": "This is your reminder: eat.",
        },
    ]


async def test_a_long_reminder_is_kept_whole(recogniser: Recogniser) -> None:
    gateway, what = _Gateway(), "take the cake out and " * 8 + "eat it"
    await _texts(_kept(recogniser, gateway), [_heard(f"remind me in an hour to {what}")], _ANSWER)
    (asked,) = [body for tool, body in gateway.asked if tool == "promise"]
    assert Wish.model_validate(asked).text == f"This is your reminder: {what}."


@pytest.mark.parametrize("text", ["stop", "okay nabu, stop", "that'll do"])
async def test_whatever_means_stop_stops_what_rings(recogniser: Recogniser, text: str) -> None:
    gateway = _Gateway()
    assert await _texts(_kept(recogniser, gateway), [_heard(text)], _ANSWER) == ["Okay."]
    assert [tool for tool, _ in gateway.asked] == ["stop_ringing"]


async def test_for_what_was_said_to_a_ring_it_does_not_apologise(recogniser: Recogniser) -> None:
    assert await _texts(_kept(recogniser, _Gateway(ringing=True)), [_heard("turn it off")], []) == []


async def test_an_alarm_without_a_name_is_spoken_of_as_that(recogniser: Recogniser) -> None:
    gateway = _Gateway(kind="alarm", label="", seconds=None, left=-5.0, ringing=True)
    said = await _texts(_kept(recogniser, gateway), [_heard("turn off the alarm")], _ANSWER)
    assert said == ["Okay, the alarm is cancelled."]


async def test_a_timer_that_is_not_kept_is_not_promised(recogniser: Recogniser) -> None:
    said = await _texts(
        _kept(recogniser, _Gateway(GatewayError("full"))), [_heard("set a timer for five minutes")], _ANSWER
    )
    assert said == ["Sorry, I can't do that just now."]


async def test_it_stops_and_is_mute_though_the_gateway_is_away(recogniser: Recogniser) -> None:
    heard: list[Frame] = [_heard("stop"), _heard("mute")]
    away = _kept(recogniser, _Gateway(GatewayError("away")))
    assert await _texts(away, heard, [*_ANSWER, RTVIServerMessageFrame]) == ["Okay."]


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


def test_a_conversation_is_cut_before_a_question() -> None:
    """A tool's result without its call is refused by every model."""
    call = {"role": "assistant", "tool_calls": [{"id": "1"}]}
    messages = [
        {"role": "user", "content": "x"},
        call,
        {"role": "tool", "tool_call_id": "1", "content": "y"},
    ] * 14
    context = LLMContext(messages)  # type: ignore[arg-type]
    trim(context)
    kept = context.get_messages()
    assert kept[0]["role"] == "user"  # type: ignore[index]
    assert len(kept) == 39


def test_the_tone_is_audible_and_short() -> None:
    samples = np.frombuffer(ring_tone(), dtype=np.int16)
    assert len(samples) < 16_000
    assert np.abs(samples).max() > 5_000
