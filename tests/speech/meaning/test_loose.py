from __future__ import annotations

from fractions import Fraction

import pytest

from gateway.speech.meaning.arithmetic import chain, continued, result, terms
from gateway.speech.meaning.durations import durations
from gateway.speech.meaning.intents import Slot
from gateway.speech.meaning.loose import understood
from gateway.speech.meaning.understanding import is_to_it, plain


def meant(text: str) -> tuple[str, dict[str, Slot]] | None:
    found = understood(plain(text))
    return None if found is None else (found.name, dict(found.slots))


@pytest.mark.parametrize(
    ("text", "name", "slots"),
    [
        ("I need a timer set for twenty five minutes please", "TimerSet", {"minutes": 25}),
        (
            "okay nabu, um, could you put a timer on for an hour and ten minutes",
            "TimerSet",
            {"hours": 1, "minutes": 10},
        ),
        ("start me a countdown of an hour and a half", "TimerSet", {"hours": 1, "minutes": 30}),
        (
            "could you remind me in ten minutes to call my sister",
            "TimerSet",
            {"minutes": 10, "reminder": "call my sister"},
        ),
        ("I'd like a timer", "TimerAsk", {}),
        ("would you time six minutes", "TimerSet", {"minutes": 6}),
        ("tell me when eighteen minutes have passed", "TimerSet", {"minutes": 18}),
        ("put three and a half minutes on the clock", "TimerSet", {"minutes": 3, "seconds": 30}),
        ("change the timer to ten minutes", "TimerChange", {"minutes": 10}),
        ("make my egg timer six minutes please", "TimerChange", {"minutes": 6, "timer_name": "egg"}),
        ("set a reminder to call mum in ten minutes", "TimerSet", {"minutes": 10, "reminder": "call mum"}),
        (
            "remind me to turn off the oven in ten minutes and open it",
            "TimerSet",
            {"minutes": 10, "reminder": "turn off the oven and open it"},
        ),
        ("set a second timer for ten minutes", "TimerSet", {"minutes": 10}),
        ("set a second timer", "TimerAsk", {}),
        ("cancel my reminder", "TimerCancel", {"timer_name": "reminder"}),
        ("stop all alarms", "TimerCancel", {"which": "all"}),
        ("I don't want that timer any longer", "TimerCancel", {}),
        ("please not quite so loud", "VolumeDown", {}),
        ("what is your volume set to", "VolumeGet", {}),
        ("do you know a joke", "Joke", {}),
        ("please get rid of that timer", "TimerCancel", {}),
        ("get rid of all the timers", "TimerCancel", {"which": "all"}),
        ("how long is left", "TimerLeft", {}),
        ("when does my timer go off", "TimerLeft", {}),
        ("reduce the speaker volume for me", "VolumeDown", {}),
        ("would you bump the sound up a little", "VolumeUp", {}),
        ("put the volume at sixty percent", "VolumeSet", {"percent": 60}),
        ("put the volume at level four", "VolumeSet", {"percent": 40}),
        ("turn the volume up by twenty percent", "VolumeUp", {"by": 20}),
        ("increase the volume by ten percent please", "VolumeUp", {"by": 10}),
        ("turn your volume down by three", "VolumeDown", {"by": 30}),
        ("turn the volume down thirty percent", "VolumeDown", {"by": 30}),
        ("turn the volume up to thirty percent", "VolumeSet", {"percent": 30}),
        ("make your volume thirty percent", "VolumeSet", {"percent": 30}),
        ("what is three plus four plus five", "Calculate", {"sum": "3 plus 4 plus 5"}),
        ("add thirty one to sixty plus nine", "Calculate", {"sum": "31 plus 60 plus 9"}),
        ("what day is it in three days from now", "Date", {"days": 3}),
        ("throw a twelve sided die", "Dice", {"sides": 12}),
        ("what is the time in London", "Unavailable", {"what": "elsewhere"}),
        ("start counting down seventeen minutes", "TimerSet", {"minutes": 17}),
        ("nudge me in ten minutes", "TimerSet", {"minutes": 10}),
        ("give us a shout in an hour", "TimerSet", {"hours": 1}),
        ("let me know when an hour's up", "TimerSet", {"hours": 1}),
        ("two minutes on the clock", "TimerSet", {"minutes": 2}),
        ("eight minutes starting now", "TimerSet", {"minutes": 8}),
        ("the tea needs four minutes can you time it", "TimerSet", {"minutes": 4}),
        ("timer for one minute fifteen", "TimerSet", {"minutes": 1, "seconds": 15}),
        ("a timer of a couple of minutes", "TimerSet", {"minutes": 2}),
        (
            "tell me in eighteen minutes to turn the potatoes",
            "TimerSet",
            {"minutes": 18, "reminder": "turn the potatoes"},
        ),
        ("scrap the timer would you", "TimerCancel", {}),
        ("set an end timer for one hour", "TimerSet", {"hours": 1}),  # an egg's, as it is heard
        ("is my timer still running", "TimerLeft", {}),
        ("what's the timer at", "TimerLeft", {}),
        ("how long until it rings", "TimerLeft", {}),
        ("how many seconds to go", "TimerLeft", {}),
        ("could you tell me how much longer on the timer", "TimerLeft", {}),
        ("what does the clock say", "Time", {}),
        ("what time do you make it", "Time", {}),
        ("excuse me, what's the time at the moment", "Time", {}),
        ("is it Tuesday or Wednesday today", "Date", {"when": "today"}),
        ("which year is this", "Date", {"when": "year"}),
        ("eighty five add forty five", "Calculate", {"sum": "85 plus 45"}),
        ("thirty take away twelve", "Calculate", {"sum": "30 minus 12"}),
        ("if I share twenty seven by three what do I get", "Calculate", {"sum": "27 divided by 3"}),
        ("I can barely hear you", "VolumeUp", {}),
        ("turn that down a bit", "VolumeDown", {}),
        ("keep your voice down would you", "VolumeDown", {}),
        ("half volume would do", "VolumeSet", {"percent": 50}),
        ("what volume are you on", "VolumeGet", {}),
        ("you can unmute now", "Unmute", {}),
        ("say that one more time", "RepeatLast", {"whose": "bot"}),
        ("who am I talking to", "Name", {}),
        ("much obliged", "Thanks", {}),
        ("that's enough", "Stop", {}),
    ],
)
def test_a_request_is_understood_in_other_words(text: str, name: str, slots: dict[str, Slot]) -> None:
    assert meant(text) == (name, slots)


@pytest.mark.parametrize(
    "text",
    [
        "add 5 minutes to my timer",
        "tell me when he has been gone for ten minutes",
        "I don't need a timer for that, I have a watch",
        "the band was not so loud",
        "don't set a timer for five minutes",
        "please do not turn the volume up",
        "never mute the sound",
        "don't wake me up in twenty minutes",
        "dinner is ready in twenty minutes",
        "I'll be home in five minutes",
        "he said he would be here in ten minutes",
        "she set a timer for ten minutes",
        "did you set a timer for ten minutes",
        "why did he turn the volume up",
        "the timer was set for ten minutes",
        "I set the timer for ten minutes yesterday",
        "is the volume up",
        "turn off the lights in ten minutes",
        "they should turn the volume down",
        "tell him that I was home for 5 minutes",
        "your dad forgot to set the timer again",
        "that's the timer, can you get the bread out",
        "turn the volume on the telly down",
        "the blender's louder than the old one",
        "she was too quiet at dinner",
        "you're on mute, Karen, we can't hear you",
        "be quiet kids, the baby's asleep",
        "it's too loud in here",
        "what time is dinner",
        "what day are we leaving",
        "stir it for twelve minutes all the time",
        "he lost the coin toss",
        "remind me to call my sister in a corner of an hour",
        "the volume up the does 30 light trust",
        "the volume is 20 percent too high",
        "there is a reminder to call mum in ten minutes",
        "more the volume placed",
    ],
)
def test_what_is_no_request_changes_nothing(text: str) -> None:
    found = meant(text)
    assert found is None or found[0] in {"TimerLeft", "VolumeGet"}


@pytest.mark.parametrize(
    ("text", "slots", "rest"),
    [
        ("for 1 hour and 20 minutes", {"hours": 1, "minutes": 20}, "for …"),
        ("half an hour", {"minutes": 30}, "…"),
        ("2 and a half minutes", {"minutes": 2, "seconds": 30}, "…"),
        ("a minute", {"minutes": 1}, "…"),
        ("5 minutes and 10 minutes", {}, "5 minutes and 10 minutes"),
        ("5 minutes for the 30 second break", {}, "5 minutes for the 30 second break"),
        ("nothing", {}, "nothing"),
        ("in a fork of an hour", {}, "in a fork of 1 hour"),
        ("a timer of an hour", {"hours": 1}, "a timer of …"),
        ("the 5 minute 1", {"minutes": 5}, "the … 1"),
        ("5 minutes 10", {"minutes": 5, "seconds": 10}, "…"),
        ("for 1 point 5 hours", {"hours": 1, "minutes": 30}, "for …"),
        ("a 2 point 25 minute timer", {"minutes": 2, "seconds": 15}, "a … timer"),
        ("point 5 hours", {"hours": 0, "minutes": 30}, "…"),
        ("2 point 5 seconds", {}, "2 point 5 seconds"),
        ("an hour and a quarter", {"hours": 1, "minutes": 15}, "…"),
        ("2 hours and 3 quarters", {"hours": 2, "minutes": 45}, "…"),
        ("a minute and a half", {"minutes": 1, "seconds": 30}, "…"),
        ("5 to 10 minutes", {}, "5 to 10 minutes"),
        ("5 or 6 minutes", {}, "5 or 6 minutes"),
        ("minus 5 minutes", {}, "minus 5 minutes"),
    ],
)
def test_one_length_of_time_is_found_in_a_sentence(text: str, slots: dict[str, int], rest: str) -> None:
    assert durations(text) == (slots, rest)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 plus 3 times 4", Fraction(14)),
        ("10 minus 4 minus 3", Fraction(3)),
        ("12 divided by 4 times 3", Fraction(9)),
        ("1 point 5 plus minus 2", Fraction(-1, 2)),
    ],
)
def test_products_come_before_sums(text: str, value: Fraction) -> None:
    assert result(terms(text)) == value


@pytest.mark.parametrize("text", ["we need 3 and 4", "5 plus 3 people", "room 12", "call 3 and 4"])
def test_numbers_alone_are_no_sum(text: str) -> None:
    assert chain(text) is None


@pytest.mark.parametrize(
    ("text", "rest"), [("and times 2", "times 2"), ("plus 3", "plus 3"), ("and 2", None), ("times", None)]
)
def test_what_goes_on_from_a_result(text: str, rest: str | None) -> None:
    assert continued(text) == rest


@pytest.mark.parametrize(
    "text", ["could you open the pod bay doors", "play some jazz", "what is the capital of France"]
)
def test_a_request_that_is_not_understood_is_plainly_to_it(text: str) -> None:
    assert is_to_it(text)


@pytest.mark.parametrize(
    "text",
    [
        "the moon is made of cheese",
        "what are we having for dinner",
        "I think that we should go to the market",
        "did you see him yesterday",
        "where did I put my keys",
        "cheese",
        "[unclear] play some jazz",
        "call him if he doesn't come",
    ],
)
def test_other_talk_is_not(text: str) -> None:
    assert not is_to_it(text)
