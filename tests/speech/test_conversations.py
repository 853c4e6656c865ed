"""What people say to it, sentence after sentence, and what it answers: on a Monday, at five past two."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from pipecat.frames.frames import (
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext

from gateway.speech.dialogue import Dialogue
from gateway.speech.meaning.intents import Recogniser
from gateway.speech.meaning.loose import understood
from gateway.speech.meaning.understanding import Understanding, plain
from tests.support.pipelines import run_test

NOW = datetime(2026, 11, 30, 14, 5, tzinfo=UTC)
TWO = ("set a timer for ten minutes", "set a timer for twenty minutes")


class Gateway:
    """Keeps what it is asked to, as a gateway does, while no time goes by."""

    def __init__(self) -> None:
        self._kept: dict[int, dict[str, Any]] = {}

    async def ask(self, tool: str, arguments: dict[str, Any] | None = None) -> Any:
        asked = arguments or {}
        if tool == "promise":
            number = len(self._kept) + 1
            seconds = asked.get("seconds")
            left = seconds or (datetime.fromisoformat(f"{asked['time']}Z") - NOW).total_seconds()
            form = {"number": number, "kind": asked["kind"], "label": asked["label"]}
            self._kept[number] = {**form, "seconds": seconds, "left": left, "there": True}
        if tool == "cancel_timer":
            self._kept[asked["number"]]["there"] = False
        return [kept for kept in self._kept.values() if kept["there"]] if tool == "list_timers" else {}


async def answers(recogniser: Recogniser, *said: str) -> list[str]:
    """What is answered to each sentence, all of which are."""
    down, _ = await run_test(
        Dialogue(recogniser, lambda: NOW, gateway=Gateway()),
        frames_to_send=[LLMContextFrame(LLMContext([{"role": "user", "content": text}])) for text in said],
        expected_down_frames=[LLMFullResponseStartFrame, LLMTextFrame, LLMFullResponseEndFrame] * len(said),
    )
    return [frame.text for frame in down if isinstance(frame, LLMTextFrame)]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ((*TWO, "cancel everything"), "Okay, all two timers are cancelled."),
        ((*TWO, "clear all of them"), "Okay, all two timers are cancelled."),
        (("cancel everything",), "Okay."),
        ((*TWO, "cancel the timer", "the ten minute one"), "Okay, the ten minute timer is cancelled."),
        ((*TWO, "cancel the timer", "the second one"), "Okay, the twenty minute timer is cancelled."),
        ((*TWO, "cancel the timer", "both"), "Okay, all two timers are cancelled."),
        ((*TWO, "cancel the twenty minute one"), "Okay, the twenty minute timer is cancelled."),
        ((*TWO, "cancel the first timer"), "Okay, the ten minute timer is cancelled."),
        ((*TWO, "how long on the twenty minute timer"), "Twenty minutes left."),
        (
            (TWO[0], "set another timer for ten minutes", "cancel the ten minute timer"),
            "There are two of them. Say the first, the last, or all timers.",
        ),
        (
            ("set a timer for five minutes and another for ten",),
            "Okay, timer set for five minutes. Okay, timer set for ten minutes.",
        ),
        (
            ("set two timers one for five minutes and one for ten minutes",),
            "Okay, timer set for five minutes. Okay, timer set for ten minutes.",
        ),
        ((TWO[0], "and one for fifteen minutes"), "Okay, timer set for fifteen minutes."),
        ((TWO[0], "five more minutes"), "Okay, fifteen minutes left."),
        ((TWO[0], "make it five minutes longer", "take two minutes off"), "Okay, thirteen minutes left."),
        ((TWO[0], "add five minutes to the timer"), "Okay, fifteen minutes left."),
        ((TWO[0], "take fifteen minutes off the timer"), "It has less than that left."),
        ((TWO[0], "when does it go off"), "Ten minutes left."),
        ((TWO[0], "list my timers"), "Ten minutes left."),
        ((TWO[0], "are there any timers set"), "Ten minutes left."),
        (
            (TWO[0], "how long is left on the pasta timer"),
            "There is no such timer. Ten minutes on the ten minute timer.",
        ),
        (("set a timer for two days",), "Okay, timer set for forty eight hours."),
        (
            ("set a chicken timer for ten minutes", "cancel the chicken timer"),
            "Okay, the chicken timer is cancelled.",
        ),
        (
            ("set an eleven minute pasta timer", "cancel the pasta timer"),
            "Okay, the pasta timer is cancelled.",
        ),
        (
            ("set a timer for ten minutes for the chicken", "how long on the chicken timer"),
            "Ten minutes left.",
        ),
        (("set an egg timer", "three minutes"), "Okay, egg timer set for three minutes."),
        (("remind me to call mom", "in ten minutes"), "Okay, I'll remind you in ten minutes."),
        (("remind me to call mom", "at five"), "Okay, I'll remind you at five o'clock in the afternoon."),
        (
            ("remind me to call mom in ten minutes", "what are my reminders"),
            "Ten minutes until your reminder, call mom.",
        ),
        (("remind me that I have to leave in ten minutes",), "Okay, I'll remind you in ten minutes."),
        (("set an alarm for seven am",), "Okay, alarm set for seven o'clock in the morning, tomorrow."),
        (("set an alarm for half past six",), "Okay, alarm set for six thirty in the evening."),
        (("wake me up at quarter to seven",), "Okay, alarm set for six forty five in the morning, tomorrow."),
        (
            ("set an alarm for Friday at 7:05 a.m.",),
            "Okay, alarm set for seven oh five in the morning, Friday.",
        ),
        (("set an alarm for 18:45",), "Okay, alarm set for six forty five in the evening."),
        (("set an alarm for midnight tonight",), "Okay, alarm set for midnight, tomorrow."),
        (("set an alarm", "seven"), "Okay, alarm set for seven o'clock in the evening."),
        (
            ("wake me up tomorrow morning", "at half past six"),
            "Okay, alarm set for six thirty in the morning, tomorrow.",
        ),
        (("remind me today at 1 pm to go",), "That time has passed."),
        (("set an alarm for seven am", "cancel the alarm"), "Okay, the alarm is cancelled."),
        (
            ("remind me tomorrow at nine to buy milk",),
            "Okay, I'll remind you at nine o'clock in the morning, tomorrow.",
        ),
        (
            ("set an alarm for seven am", "change my alarm to eight am", "what time is my alarm"),
            "The alarm is set for eight o'clock in the morning, tomorrow.",
        ),
        (
            ("set an alarm for tomorrow morning", "seven"),
            "Okay, alarm set for seven o'clock in the morning, tomorrow.",
        ),
        (
            ("remind me on Friday to call mom", "at ten"),
            "Okay, I'll remind you at ten o'clock in the morning, Friday.",
        ),
        (
            ("set an alarm for seven and another for eight",),
            "Okay, alarm set for seven o'clock in the evening. Okay, alarm set for eight o'clock in the evening.",
        ),
        (("set a reminder",), "Say what and when: remind me to call mom in ten minutes."),
        (("what's a third of ninety",), "Ninety divided by three is thirty."),
        (("what is two and a half times four",), "Two point five times four is ten."),
        (("what's one and a half plus one and a half",), "One point five plus one point five is three."),
        (("what is 7.5% of 200",), "Seven point five percent of two hundred is fifteen."),
        (("what is the square root of 2.25",), "The square root of two point two five is one point five."),
        (("what's five times five", "double it"), "Twenty five times two is fifty."),
        (("what's five times five", "divide that by five"), "Twenty five divided by five is five."),
        (
            ("what's the time and date",),
            "It's two oh five in the afternoon. It's Monday, November thirtieth, twenty twenty six.",
        ),
    ],
)
async def test_it_answers_what_people_say(recogniser: Recogniser, said: tuple[str, ...], answer: str) -> None:
    assert (await answers(recogniser, *said))[-1] == answer


@pytest.mark.parametrize(
    ("text", "name", "slots"),
    [
        ("turn the volume down by ten", "VolumeDown", {"by": 10}),
        ("turn it down by ten percent", "VolumeDown", {"by": 10}),
        ("turn it up by 20", "VolumeUp", {"by": 20}),
        ("volume up ten", "VolumeUp", {"by": 10}),
    ],
)
def test_a_step_of_the_volume_is_as_large_as_it_is_said(text: str, name: str, slots: dict[str, int]) -> None:
    intent = understood(plain(text))
    assert intent is not None
    assert (intent.name, intent.slots) == (name, slots)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("roll two dice", r"\w+, \w+: \w+ in all\."),
        ("roll three twenty sided dice", r"[\w ]+, [\w ]+, [\w ]+: [\w ]+ in all\."),
        ("flip a coin twice", r"(?i:heads|tails), (?:heads|tails)\."),
        ("flip a coin", r"(?:Heads|Tails)\."),
    ],
)
async def test_as_many_are_thrown_as_are_asked_for(recogniser: Recogniser, text: str, told: str) -> None:
    [said] = await answers(recogniser, text)
    assert re.fullmatch(told, said), said


def test_to_say_something_louder_is_not_to_say_louder(recogniser: Recogniser) -> None:
    found = Understanding(recogniser).intents("say that again a bit louder", 0.0)
    assert [intent.name for intent in found] == ["VolumeUp", "RepeatLast"]


def test_a_volume_of_five_is_of_ten_however_it_is_said(recogniser: Recogniser) -> None:
    understanding = Understanding(recogniser)
    for text in ("volume five", "set the volume to five", "put the volume at five"):
        [intent] = understanding.intents(text, 0.0)
        assert intent.slots == {"percent": 50}, text
    [intent] = understanding.intents("volume 5%", 0.0)
    assert intent.slots == {"percent": 5}


@pytest.mark.parametrize(
    "text",
    [
        "the timer is set for ten minutes",
        "remind my wife to call me in ten minutes",
        "I wake up at seven",
        "don't wake me up at seven",
        "set an alarm for seven every day",
        "a third of people said that",
        "two thirds",
        "be louder at nine",
        "who is the president",
        "coffee will wake me up at seven",
        "coffee will wake me up in ten minutes",
        "I always set an alarm for six",
        "you should set a timer for ten minutes",
        "set an alarm five minutes before seven",
        "set alarms for seven and eight",
        "is anybody going to eat this",
        "what a beautiful day it is today",
    ],
)
def test_what_is_told_or_not_understood_sets_nothing(recogniser: Recogniser, text: str) -> None:
    assert Understanding(recogniser).intents(text, 0.0) == []
