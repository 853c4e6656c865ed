"""Lengths of time in a sentence whose numbers are digits already. Pure."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

_UNITS: Final = {
    "hour": "hours",
    "hr": "hours",
    "minute": "minutes",
    "min": "minutes",
    "second": "seconds",
    "sec": "seconds",
}
_UNIT: Final = r"(hour|hr|minute|min|second|sec)s?"
_REST: Final = r"(?:and )?(?!1\b)(\d{1,2})(?= \D|$)(?! (?:hour|minute|min|second|sec))"
"""Of the next smaller unit, which isn't said. One is none: "a five minute one"."""
_WORDED: Final = (
    (re.compile(r"\bthree quarters of an hour\b|\b3 quarters of an hour\b"), "45 minutes"),
    (re.compile(r"\b(?:a )?quarter of an hour\b"), "15 minutes"),
    (re.compile(r"\bhalf an hour\b|\b(?:a )?half hour\b"), "30 minutes"),
    (re.compile(r"\bhalf a minute\b"), "30 seconds"),
    (re.compile(r"\b(?:an|a) (hour|minute)(?= and (?:a half|(?:a|1) quarter|3 quarters)\b)"), r"1 \1"),
    *(
        (
            re.compile(rf"\b(\d+) and {part} {unit}s?\b|\b(\d+) {unit}s? and {part}\b"),
            rf"\1\2 {unit}s {sixtieths} {smaller}",
        )
        for unit, smaller in (("hour", "minutes"), ("minute", "seconds"))
        for part, sixtieths in (("a half", 30), ("(?:a|1) quarter", 15), ("3 quarters", 45))
    ),
    (re.compile(r"\b(?:an|a|1) (hour|minute)'s\b"), r"1 \1 is"),
    (re.compile(r"\ba couple of (hour|minute|second)s\b"), r"2 \1s"),
    (
        re.compile(rf"\b(?:an|a) (?!second (?:timer|alarm|countdown|1)\b){_UNIT}\b"),
        r"1 \1",
    ),  # that is the next
    (
        re.compile(rf"\b(\d+) hours? {_REST}"),
        r"\1 hours \2 minutes",
    ),
    (
        re.compile(rf"\b(\d+) minutes? {_REST}"),
        r"\1 minutes \2 seconds",
    ),
)
_PART: Final = re.compile(
    r"\ban? (?!timer|alarm|countdown|reminder|length|total|duration|period|run|nap|break)\w+ of "
    r"(?:an?|1|the) (?:hour|minute)\b"
)
"""A part of one that is none we know: a quarter that was not understood."""
_ONE: Final = re.compile(rf"\b(\d{{1,5}}) {_UNIT}\b")
_DECIMAL: Final = re.compile(r"\b(?:(\d{1,4}) )?point (\d{1,3}) (hour|hr|minute|min)s?\b")
_DAYS: Final = re.compile(r"\b(\d{1,3}|an?) (day|week)s?\b(?! (?:and|timer\b))")
_UNSURE: Final = re.compile(rf"\b(?:minus|point|\d+ (?:to|or)) \d+ {_UNIT}\b")
"""One that is none, or may be another: "five or six minutes"."""


def durations(text: str) -> tuple[dict[str, int], str]:
    """(hours, minutes and seconds as far as they are named, the sentence with … in their place).

    Parts that belong together are added: "1 hour and 20 minutes". Nothing is found where two lengths are told.
    """
    text = _DAYS.sub(_in_hours, _DECIMAL.sub(_without_decimals, text))
    for pattern, plain in _WORDED:
        text = pattern.sub(plain, text)
    if _PART.search(text) or _UNSURE.search(text):
        return {}, text
    found = list(_ONE.finditer(text))
    slots: dict[str, int] = {}
    for match in found:
        unit = _UNITS[match[2]]
        if unit in slots:
            return {}, text
        slots[unit] = int(match[1])
    if found:
        between = text[found[0].start() : found[-1].end()]
        if set(_ONE.sub("", between).split()) - {"and"}:
            return {}, text
        text = f"{text[: found[0].start()]}…{text[found[-1].end() :]}"
    return slots, text


def _in_hours(found: re.Match[str]) -> str:
    return f"{(int(found[1]) if found[1].isdigit() else 1) * (24 if found[2] == 'day' else 168)} hours"


def _without_decimals(found: re.Match[str]) -> str:
    unit = _UNITS[found[3]]
    whole, rest = divmod(Fraction(f"{found[1] or 0}.{found[2]}"), 1)
    return f"{whole} {unit} {round(60 * rest)} {'minutes' if unit == 'hours' else 'seconds'}"
