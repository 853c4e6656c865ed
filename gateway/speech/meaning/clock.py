"""Times of day in a sentence whose numbers are digits already, the moments that they mean, and how to say one. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

from gateway.speech.meaning.dates import WEEKDAYS, Slot
from gateway.speech.meaning.numbers import words_for_int

_DAYS: Final = f"today|tonight|tomorrow|{'|'.join(WEEKDAYS)}"
_PARTS: Final = "morning|afternoon|evening|night"
_PREPOSED: Final = "(?:(?:in the|at|this) )?"
_HOUR: Final = r"\d{1,2}"
_CLOCK: Final = (
    rf"(?P<named>noon|midday|midnight)|half (?:past )?(?P<half>{_HOUR})|"
    rf"(?P<near>\d{{1,2}}|(?:a )?quarter)(?: minutes?)? (?P<way>past|after|to|before) (?P<of>{_HOUR})|"
    rf"(?P<hour>{_HOUR})(?: (?:oh )?(?P<minute>\d{{1,2}}))?"
)
_TIME: Final = re.compile(
    rf"\b(?:(?:for |at )?(?:on |this |next )?(?P<day>{_DAYS})(?: {_PREPOSED}(?P<part>{_PARTS}))? )?"
    rf"(?P<at>(?:at|for|to|by|around) )?(?:(?:exactly|about) )?(?:{_CLOCK})(?: (?P<clock>o'clock|[ap] ?m))*\b"
    rf"(?: {_PREPOSED}(?P<part2>{_PARTS}))?"
    rf"(?: (?:on |this |next )?(?P<day2>{_DAYS})(?: {_PREPOSED}(?P<part3>{_PARTS}))?)?"
    r"(?! (?:hour|minute|min|second|sec|day|week|percent|times|plus|minus)s?\b)(?! \d)"
)
_SOMETIME: Final = re.compile(
    rf"\b(?:for )?(?:(?:on |this |next )?(?P<day>{_DAYS})(?: (?P<part>{_PARTS}))?|in the (?P<part2>{_PARTS}))\b"
)
_DAILY: Final = re.compile(r"\b(?:every|each|daily|weekdays?|weekends?)\b")
_LATE: Final = frozenset({"afternoon", "evening", "night", "tonight"})
_DAWN, _NOON = 4, 12
"""From and to when somebody who wants to be woken means the morning."""


def times(text: str, *, at_least: bool = True) -> tuple[dict[str, Slot], str]:
    """(hour, minute, half and day as far as they are said, the sentence with … in their place).

    A number alone is one only after "at" and the like, or without `at_least`. Nothing is found where two times
    are told, or one of every day.
    """
    found = [
        match
        for match in _TIME.finditer(text)
        if match["at"] or match["clock"] or match["named"] or _parts(match) or not at_least
    ]
    if len(found) != 1 or _DAILY.search(text):
        return {}, text
    slots = _slots(found[0])
    rest = f"{text[: found[0].start()]}…{text[found[0].end() :]}"
    return (slots, rest) if slots else ({}, text)


def days(text: str) -> tuple[dict[str, Slot], str]:
    """(the day and half of a sentence that tells no time, the sentence without them)."""
    found = _SOMETIME.search(text)
    if found is None or _DAILY.search(text):
        return {}, text
    day, part = found["day"] or "", found["part"] or found["part2"] or ""
    half = "" if not part and day != "tonight" else "a" if part == "morning" else "p"
    slots: dict[str, Slot] = {"day": "today" if day == "tonight" else day, "half": half}
    return slots, " ".join(f"{text[: found.start()]} {text[found.end() :]}".split())


def _parts(found: re.Match[str]) -> set[str]:
    return {part for part in (found["part"], found["part2"], found["part3"]) if part}


def _slots(found: re.Match[str]) -> dict[str, Slot]:
    hour, minute = _read(found)
    days = [day for day in (found["day"], found["day2"]) if day]
    if hour > 24 or minute > 59 or len(days) > 1:
        return {}
    said = {*_parts(found), *days}
    if found["clock"] and found["clock"] != "o'clock":
        half = found["clock"][0]
    elif found["named"]:
        half = "a" if found["named"] == "midnight" else "p"
    else:
        half = "p" if said & _LATE else "a" if "morning" in said else ""
    if said & {"night", "tonight"} and hour == 12:
        half = "a"
    day = days[0] if days and days[0] != "tonight" else "today" if days else ""
    if day == "today" and half == "a" and hour == 12:
        day = ""  # tonight's midnight is the next one
    return {"hour": hour, "minute": minute, "half": half, "day": day}


def _read(found: re.Match[str]) -> tuple[int, int]:
    if found["named"]:
        return 12, 0
    if found["half"]:
        return int(found["half"]), 30
    if found["near"]:
        near = 15 if "quarter" in found["near"] else int(found["near"])
        after = found["way"] in {"past", "after"}
        return (int(found["of"]), near) if after else ((int(found["of"]) - 1) % 12 or 12, 60 - near)
    return int(found["hour"]), int(found["minute"] or 0)


def moment(slots: Mapping[str, Slot], now: datetime) -> datetime | None:
    """The next moment of that time of day, in `now`'s zone; None where it has been.

    Where neither morning nor afternoon is said it is the next of both; who is to be woken (`waking`) means the
    morning, and tomorrow has its working day.
    """
    hours, day = _hours(slots), str(slots.get("day", ""))
    days = [_named_day(day, now.date())] if day else [now.date(), now.date() + timedelta(days=1)]
    if day in WEEKDAYS:
        days.append(days[0] + timedelta(days=7))
    elif day == "tomorrow" and len(hours) > 1:
        hours = [hour for hour in hours if hour >= 5 and hour < 17] or hours
    minute = int(slots.get("minute", 0))
    moments = [datetime.combine(d, time(hour, minute), now.tzinfo) for d in days for hour in hours]
    return min((m for m in moments if m > now), default=None)


def _hours(slots: Mapping[str, Slot]) -> list[int]:
    hour, half = int(slots["hour"]), slots.get("half", "")
    if hour > _NOON or hour == 0:
        return [hour % 24]
    if half:
        return [hour % 12 + (12 if half == "p" else 0)]
    if "waking" in slots and _DAWN <= hour < _NOON:
        return [hour]
    return [hour % 12, hour % 12 + 12]


def _named_day(day: str, today: date) -> date:
    if day == "today":
        return today
    ahead = 1 if day == "tomorrow" else (WEEKDAYS.index(day) - today.weekday()) % 7
    return today + timedelta(days=ahead)


def spoken_time(at: datetime) -> str:
    """14:05 is "two oh five in the afternoon"."""
    hour = words_for_int(at.hour % 12 or 12)
    half = "in the morning" if at.hour < 12 else "in the afternoon" if at.hour < 18 else "in the evening"
    if at.minute == 0:
        if at.hour in (0, 12):
            return "midnight" if at.hour == 0 else "noon"
        return f"{hour} o'clock {half}"
    minute = f"oh {words_for_int(at.minute)}" if at.minute < 10 else words_for_int(at.minute)
    return f"{hour} {minute} {half}"


def spoken_day(at: datetime, now: datetime) -> str:
    """Which day that is, to be said after the time: nothing for today."""
    ahead = (at.date() - now.date()).days
    return "" if ahead == 0 else ", tomorrow" if ahead == 1 else f", {at:%A}"
