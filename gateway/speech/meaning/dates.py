"""Days that are asked for: which one a sentence means, its numbers digits, and the sentence that tells it. Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final

from gateway.speech.meaning.numbers import digits_for_words, ordinal_words, words_for_int

Slot = str | int
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_FEASTS: Final = {
    "christmas eve": (12, 24),
    "christmas": (12, 25),
    "new year's eve": (12, 31),
    "new year's": (1, 1),
    "new year": (1, 1),
    "halloween": (10, 31),
    "valentine's": (2, 14),
}
_ORDINALS: Final = {digits_for_words(ordinal_words(day)): day for day in range(1, 32)}
_WEEKDAY: Final = rf"(?:{'|'.join(WEEKDAYS)})"
_MONTH: Final = rf"(?P<month>{'|'.join(_MONTHS)})"
_ORDINAL: Final = "|".join(sorted(_ORDINALS, key=len, reverse=True))
_OF_MONTH: Final = rf"(?P<day>{_ORDINAL}|\d{{1,2}}(?: (?:st|nd|rd|th))?)(?! \d{{1,2}}\b)"
_YEAR: Final = r"(?: (?:in )?(?P<year>20 ?\d\d))?\b"
_DATE: Final = (
    re.compile(rf"\b{_MONTH} (?:the )?{_OF_MONTH}{_YEAR}"),
    re.compile(rf"\b{_OF_MONTH} (?:of )?{_MONTH}{_YEAR}"),
)
_FEAST: Final = re.compile(rf"\b({'|'.join(_FEASTS)})(?: day)?\b")
_BY_WEEKDAY: Final = re.compile(rf"\b(?:(next|last|this|on|coming|previous) )?({_WEEKDAY})\b(?!')")
_AWAY: Final = re.compile(
    r"\b(in )?(\d{1,5}|an?|the|a couple of) (day|week|fortnight|month|year)s?(?:'s)?"
    r"(?: time)?(?: (ago|before|from|after|later|back|earlier)(?: (today|now|tomorrow|yesterday))?)?\b"
)
_DAYS: Final = {"day": 1, "week": 7, "fortnight": 14}
_MONTHS_OF: Final = {"month": 1, "year": 12}
_NAMED: Final = {"today": 0, "now": 0, "tomorrow": 1, "yesterday": -1, "": 0}
_UNTIL: Final = re.compile(
    r"^how (?:many (?:more )?days|long)(?: is it| are there| are left| do we have)?(?: left)?(?: now)? "
    r"(?:until|till|'til|til|to|before) (?:it's |it is )?(?:the )?(?:next )?(.+)$"
)
_WHEN: Final = re.compile(r"^when(?:'s| is| was| will)(?: it)? (.+?)(?: (?:again|this year|be))*$")
_ASKS: Final = re.compile(r"\b(?:what(?! an?\b)|which|tell|know|give|get|today's)\b")
_OPENS: Final = re.compile(
    r"^(?:(?:and|so|hey) )*(?:what(?! a\b)|which|tell me|give me|get me|(?:do|can|could|would|will) you\b|"
    r"i(?:'d like| want| need| would like) to know|(?:the|today's|tomorrow's|yesterday's) date\b)"
)
_OF_A_DAY: Final = re.compile(r"\b(?:day|date)\b")
_RELATIVE: Final = re.compile(r"\b(?:after|before|since|ago|from|until|till|next|last|months?|years?)\b")
_TODAY: Final = re.compile(
    r"\b(?:today|today's|is it|it is|the date|current date|are we on|are we$|of the (?:week|"
    r"month)|(?:day|date) is (?:it|today|tomorrow))\b"
)
_OTHER: Final = re.compile(
    r"\b(?:of|my|your|his|her|was|when|due|did|does|born|holiday|payday|pay|paid|next|last|appointment|for|"
    r"on|ago|after|before|months?|years?|weeks?|days|from|since|until|till|easter|thanksgiving|ramadan|"
    rf"{'|'.join(m for m in _MONTHS if m != 'may')})\b"
)
"""A day of something that is not known here."""
_MINE: Final = re.compile(
    r"\b(?:my|your|his|her|our|their|due|born|appointment|meeting|birthday|holiday|payday)\b"
)
_FIRST_YEAR, _LAST_YEAR = 1, 9_999


def asked(text: str) -> dict[str, Slot] | None:  # noqa: PLR0911 -- rules, one after the other
    """The slots of a Date intent, where a sentence asks for a day that the calendar knows."""
    if re.match(
        rf"is (?:it|today) (?:a )?{_WEEKDAY}(?: or (?:a )?{_WEEKDAY})?(?: today)?$|today is the what$", text
    ):
        return {"when": "today"}
    if re.match(rf"(?:is|will) tomorrow (?:be )?(?:a )?{_WEEKDAY}$", text):
        return {"when": "tomorrow"}
    if (
        found := re.match(r"(?:what|which) (month|year) (?:is (?:it|this|that)|are we in|do we have)\b", text)
    ) is not None:
        return {"when": found[1]}
    if (until := _UNTIL.match(text)) is not None:
        day = _day(until[1], whole=True)
        return None if day is None else {**day, "count": 1}
    if (when := _WHEN.match(text)) is not None:
        return _day(f"{'was ' * text.startswith('when was')}{when[1]}", whole=True)
    if not _ASKS.search(text) or not _OF_A_DAY.search(text) or _MINE.search(text):
        return None
    if _OPENS.match(text) and (day := _day(text)) is not None:
        return day
    plain = _TODAY.search(text) and not _OTHER.search(re.sub(r"of the (?:week|month)|are we on", "", text))
    return {"when": "today"} if plain else None


def _day(text: str, *, whole: bool = False) -> dict[str, Slot] | None:
    """The one day that is named; with `whole`, by these words and no others."""
    found = list(_named(text))
    if len(found) != 1:
        return None
    words, slots = found[0]
    rest = text.replace(words, "").strip()
    if whole:
        return slots if rest in {"", "comes", "is here", "was"} else None
    return None if _RELATIVE.search(rest) else slots


def _named(text: str) -> Iterator[tuple[str, dict[str, Slot]]]:  # noqa: C901 -- one kind after the other
    """Each day that is named, and the words that do."""
    for words, days in (("day after tomorrow", 2), ("day before yesterday", -2)):
        if words in text:
            yield f"{words}", {"days": days}
            text = text.replace(words, "")
    for found, away in [(match, _away(match)) for match in _AWAY.finditer(text)]:
        if away is not None:
            yield found[0], away
            text = text.replace(found[0], "")
    for pattern in _DATE:
        for found in pattern.finditer(text):
            year = {"year": int(found["year"].replace(" ", ""))} if found["year"] else {}
            month = _MONTHS.index(found["month"]) + 1
            yield found[0], {"month": month, "day": _of_month(found["day"]), **year, **_past(text)}
            text = text.replace(found[0], "")
    for found in _FEAST.finditer(text):
        month_of, day_of = _FEASTS[found[1]]
        yield found[0], {"month": month_of, "day": day_of, **_past(text)}
        text = text.replace(found[0], "")
    for found in _BY_WEEKDAY.finditer(text):
        yield found[0], {"weekday": WEEKDAYS.index(found[2]), "which": found[1] or ""}
        text = text.replace(found[0], "")
    for word in ("tomorrow", "yesterday"):
        if re.search(rf"\b{word}\b", text):
            yield word, {"when": word}


def _past(text: str) -> dict[str, Slot]:
    return {"which": "last"} if re.search(r"\b(?:last|was)\b", text) else {}


def _of_month(said: str) -> int:
    return _ORDINALS.get(said) or int(said.split(maxsplit=1)[0])


def _away(found: re.Match[str]) -> dict[str, Slot] | None:
    into, number, unit, way, base = found.groups()
    if not into and not way:
        return None
    count = 2 if number == "a couple of" else int(number) if number.isdigit() else 1
    sign = -1 if way in {"ago", "before", "back", "earlier"} else 1
    if way in {"from", "after", "before"} and base is None:
        return None  # of something that is not said
    if unit in _MONTHS_OF:
        return {"months": sign * count * _MONTHS_OF[unit]} if not _NAMED[base or ""] else None
    return {"days": sign * count * _DAYS[unit] + _NAMED[base or ""]}


def told(slots: Mapping[str, Slot], today: date) -> str:
    """The answer to a Date intent, as a sentence."""
    when = slots.get("when", "today")
    if when == "month":
        return f"It's {today:%B}."
    if when == "year":
        return f"It's {_year(today.year)}."
    try:
        day = _resolved(slots, today)
    except (ValueError, OverflowError):
        return "There is no such day in my calendar."
    ahead = (day - today).days
    spoken = f"{day:%A}, {day:%B} {ordinal_words(day.day)}, {_year(day.year)}"
    if "count" in slots and ahead > 1:
        return f"{words_for_int(ahead).capitalize()} days, until {spoken}."
    opening = {0: "It's", 1: "Tomorrow is", -1: "Yesterday was"}.get(
        ahead, "That is" if ahead > 0 else "That was"
    )
    return f"{opening} {spoken}."


def _resolved(slots: Mapping[str, Slot], today: date) -> date:
    """The day. Raises ValueError and OverflowError where there is none."""
    if "weekday" in slots:
        return _by_weekday(int(slots["weekday"]), str(slots["which"]), today)
    if "month" in slots:
        return _by_date(slots, today)
    if "months" in slots:
        months = 12 * today.year + today.month - 1 + int(slots["months"])
        year, month = months // 12, months % 12 + 1
        if not _FIRST_YEAR <= year <= _LAST_YEAR:
            raise OverflowError(f"year {year}")
        return date(year, month, min(today.day, monthrange(year, month)[1]))
    days = int(slots["days"]) if "days" in slots else _NAMED[str(slots.get("when", ""))]
    return today + timedelta(days=days)


def _by_weekday(weekday: int, which: str, today: date) -> date:
    ahead = (weekday - today.weekday()) % 7
    if which in {"last", "previous"}:
        return today - timedelta(days=7 - ahead)
    return today + timedelta(days=ahead or (7 if which in {"next", "coming"} else 0))


def _by_date(slots: Mapping[str, Slot], today: date) -> date:
    month, day = int(slots["month"]), int(slots["day"])
    if "year" in slots:
        return date(int(slots["year"]), month, day)
    past = slots.get("which") == "last"
    years = range(today.year, today.year - 9, -1) if past else range(today.year, today.year + 9)
    for year in years:
        if day <= monthrange(year, month)[1]:
            found = date(year, month, day)
            if (found < today) if past else (found >= today):
                return found
    raise ValueError(f"no day {day} of month {month}")


def _year(year: int) -> str:
    century, rest = divmod(year, 100)
    if rest == 0 or year // 10 == 200:
        return words_for_int(year)
    return f"{words_for_int(century)} {'oh ' if rest < 10 else ''}{words_for_int(rest)}"
