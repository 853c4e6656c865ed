from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from gateway.speech.meaning.loose import understood
from gateway.speech.meaning.reply import Context
from gateway.speech.meaning.skills import answer
from gateway.speech.meaning.understanding import plain

MONDAY = Context(datetime(2026, 11, 30, 14, 5, tzinfo=UTC), random.Random(0))  # noqa: S311 -- no secret


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what's the day after tomorrow", "That is Wednesday, December second, twenty twenty six."),
        (
            "what was the day before yesterday",
            "That was Saturday, November twenty eighth, twenty twenty six.",
        ),
        ("what day of the week is December first", "Tomorrow is Tuesday, December first, twenty twenty six."),
        ("what day is the 4th of July", "That is Sunday, July fourth, twenty twenty seven."),
        (
            "what day is the twenty fifth of December",
            "That is Friday, December twenty fifth, twenty twenty six.",
        ),
        ("what day was it three days ago", "That was Friday, November twenty seventh, twenty twenty six."),
        ("what was the date two weeks ago", "That was Monday, November sixteenth, twenty twenty six."),
        ("what's the date in three months", "That is Sunday, February twenty eighth, twenty twenty seven."),
        ("what's the date in 9999 weeks", "That is Monday, July twentieth, twenty two eighteen."),
        ("what date is it in nine thousand years", "There is no such day in my calendar."),
        ("what day is February thirtieth", "There is no such day in my calendar."),
        ("what day is February 29th", "That is Tuesday, February twenty ninth, twenty twenty eight."),
        ("what's the date next Friday", "That is Friday, December fourth, twenty twenty six."),
        ("what date is it next Monday", "That is Monday, December seventh, twenty twenty six."),
        ("what day was it last Friday", "That was Friday, November twenty seventh, twenty twenty six."),
        ("what's the date a week from tomorrow", "That is Tuesday, December eighth, twenty twenty six."),
        ("when is Christmas", "That is Friday, December twenty fifth, twenty twenty six."),
        (
            "how many days until Christmas",
            "Twenty five days, until Friday, December twenty fifth, twenty twenty six.",
        ),
        ("how long until Friday", "Four days, until Friday, December fourth, twenty twenty six."),
        ("is tomorrow Friday", "Tomorrow is Tuesday, December first, twenty twenty six."),
    ],
)
def test_it_tells_the_day_that_is_asked_for_and_no_other(text: str, said: str) -> None:
    intent = understood(plain(text))
    assert intent is not None
    assert answer(intent, MONDAY).text == said


@pytest.mark.parametrize(
    "text",
    [
        "what day comes after Friday",
        "what day is it after tomorrow",
        "what day is two weeks before Christmas",
        "what date is it next month",
        "when is dinner tomorrow",
        "what day is the meeting on Friday",
        "you know we had a great day on Friday",
        "what a day on Friday",
        "how long until the fifth minute",
    ],
)
def test_a_day_that_it_does_not_know_is_not_told_as_another(text: str) -> None:
    assert understood(plain(text)) is None
