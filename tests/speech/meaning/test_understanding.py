from __future__ import annotations

import pytest

from gateway.speech.meaning.intents import Intent, Recogniser
from gateway.speech.meaning.understanding import TOPIC_SECONDS, Understanding


@pytest.fixture
def understanding(recogniser: Recogniser) -> Understanding:
    return Understanding(recogniser)


def said(understanding: Understanding, *texts: str) -> list[Intent]:
    """What the last of these sentences asks for, a second apart."""
    found: list[Intent] = []
    for second, text in enumerate(texts):
        found = understanding.intents(text, float(second))
    return found


def names(found: list[Intent]) -> list[str]:
    return [intent.name for intent in found]


def test_a_template_decides_where_it_matches(understanding: Understanding) -> None:
    assert said(understanding, "set a timer for five minutes") == [Intent("TimerSet", {"minutes": 5})]


def test_two_requests_in_a_sentence_are_two(understanding: Understanding) -> None:
    found = said(understanding, "set a timer for five minutes and turn up the volume")
    assert names(found) == ["TimerSet", "VolumeUp"]
    assert names(said(understanding, "what time is it in what day is it")) == [
        "Time",
        "Date",
    ]  # as it is heard


def test_a_request_with_something_else_behind_it_is_none(understanding: Understanding) -> None:
    assert said(understanding, "set a timer for five minutes and then he went home") == []


def test_a_timer_is_told_in_two_steps(understanding: Understanding) -> None:
    assert names(said(understanding, "set a timer")) == ["TimerAsk"]
    assert understanding.intents("um, five minutes please", 3.0) == [Intent("TimerSet", {"minutes": 5})]


@pytest.mark.parametrize(
    ("texts", "intent"),
    [
        (("start a timer", "ten"), Intent("TimerSet", {"minutes": 10})),
        (("set a timer for five minutes", "make that eight"), Intent("TimerChange", {"minutes": 8})),
        (("set a timer for five hours", "no, I said five minutes"), Intent("TimerChange", {"minutes": 5})),
        (("set a timer for five minutes", "actually cancel that"), Intent("TimerCancel", {"which": "last"})),
        (("wake me in an hour", "no, don't bother"), Intent("TimerCancel", {"which": "last"})),
        (("set the volume to sixty percent", "no, forty"), Intent("VolumeSet", {"percent": 40})),
        (("put the volume at level four", "no, five"), Intent("VolumeSet", {"percent": 50})),
        (("tell me a joke", "another one"), Intent("Joke")),
    ],
)
def test_what_follows_is_about_what_was_just_said(
    understanding: Understanding, texts: tuple[str, ...], intent: Intent
) -> None:
    assert said(understanding, *texts) == [intent]


@pytest.mark.parametrize(
    "text",
    [
        "set a timer for twelve minutes I'm having a nap",
        "I've just put the pasta in so set a timer for twelve minutes",
        "I'd be ever so grateful if you'd set a timer for twelve minutes",
    ],
)
def test_a_reason_takes_nothing_from_a_request(understanding: Understanding, text: str) -> None:
    assert said(understanding, text) == [Intent("TimerSet", {"minutes": 12})]


@pytest.mark.parametrize("text", ["say hello to your mother", "say thank you to the lady"])
def test_what_is_to_be_said_to_somebody_is_for_somebody_else(understanding: Understanding, text: str) -> None:
    assert said(understanding, text) == []


def test_a_number_alone_answers_only_how_long(understanding: Understanding) -> None:
    assert said(understanding, "set a timer for five minutes", "ten") == []
    assert said(understanding, "set a timer for an hour and ten minutes", "make it eight") == []


def test_a_length_of_time_alone_is_no_timer(understanding: Understanding) -> None:
    assert said(understanding, "what time is it", "ten minutes") == []


def test_an_answer_that_comes_too_late_is_none(understanding: Understanding) -> None:
    said(understanding, "set a timer")
    assert understanding.intents("five minutes", TOPIC_SECONDS + 1) == []


@pytest.mark.parametrize(
    "text", ["no, ten minutes", "I meant ten minutes", "make it ten minutes", "actually ten minutes please"]
)
def test_a_correction_changes_the_timer(understanding: Understanding, text: str) -> None:
    assert said(understanding, "set a timer for five minutes", text) == [
        Intent("TimerChange", {"minutes": 10})
    ]


@pytest.mark.parametrize("text", ["cancel it", "stop it", "cancel that", "never mind", "forget it"])
def test_it_is_the_timer_that_was_just_set(understanding: Understanding, text: str) -> None:
    found = said(understanding, "set a timer for five minutes", text)
    assert found == [Intent("TimerCancel", {"which": "last"})]


def test_cancel_it_is_the_timer_later_too_and_never_mind_is_not(understanding: Understanding) -> None:
    assert names(said(understanding, "cancel it")) == ["TimerCancelIt"]
    assert names(said(understanding, "never mind")) == ["Stop"]


def test_a_sum_goes_on_from_its_result(understanding: Understanding) -> None:
    found = said(understanding, "what is twelve plus three", "and times two?")
    assert found == [Intent("Calculate", {"sum": "times 2", "goes_on": 1})]


def test_more_is_more_of_the_same(understanding: Understanding) -> None:
    assert names(said(understanding, "louder", "a bit more")) == ["VolumeUp"]
    assert said(understanding, "what time is it", "a bit more") == []


@pytest.mark.parametrize(
    "text", ["[unclear] set a timer for five minutes", "[unclear] mute", "[unclear] cancel it"]
)
def test_words_that_were_not_clear_ask_for_nothing(understanding: Understanding, text: str) -> None:
    assert said(understanding, "set a timer for five minutes", text) == []


@pytest.mark.parametrize(
    "text",
    [
        "I'll be home in five minutes",
        "don't wake me up in twenty minutes",
        "dinner is ready in twenty minutes",
        "he said he would be here in ten minutes",
        "don't set a timer for five minutes",
    ],
)
def test_talk_of_minutes_sets_no_timer(understanding: Understanding, text: str) -> None:
    assert said(understanding, text) == []


def test_lights_in_ten_minutes_are_for_a_smart_home(understanding: Understanding) -> None:
    assert names(said(understanding, "turn off the lights in ten minutes")) == ["SmartHome"]
