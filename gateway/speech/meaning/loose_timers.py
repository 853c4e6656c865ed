"""Timers, alarms and reminders, where no template has the words: by the words that carry the meaning. Pure."""

from __future__ import annotations

import re
from typing import Final

from gateway.speech.meaning.clock import days, times
from gateway.speech.meaning.durations import durations
from gateway.speech.meaning.intents import Slot
from gateway.speech.meaning.requests import NOT, QUESTION, is_request

Found = tuple[str, dict[str, Slot]]

_EXTENDS: Final = re.compile(
    r"\bextend\b|^(?:add|and|plus) … (?:\w+ )?(?:my|the|that)\b|"
    r"\b(?:on)?to (?:my|the|that) (?:\w+ )?(?:timer|alarm|countdown)\b"
)
_TIMER: Final = re.compile(r"\b(?:timers?|alarms?|countdowns?)\b")
_CHANGE: Final = re.compile(
    r"(?:change|adjust|update|reset|restart|make) (?:the|my|that) (?:(\w+) )?(?:timer|alarm|countdown)"
    r"(?: (?:to|into|for|at|with))? …(?: instead| please| now)*"
)
"""What runs is set anew."""
_WISH: Final = re.compile(
    r"\b(?:set|setup|start|make|create|need|want|wanna|like|put|begin|add|give|gimme|have|run|get|go "
    r"off|count|use|"
    r"begin|initiate|open|time|pop|stick|do)\b"
)
_ALERT: Final = r"(?:remind|wake|call|alert|ping|notify|tell|buzz|ding|nudge|poke|beep|prod|warn)"
_WAKE: Final = re.compile(rf"\b{_ALERT} (?:me|us)(?: up)?\b|\ba reminder\b")
_ABOUT: Final = re.compile(
    r".*\b(?:(?:remind|tell|nudge|ping) (?:me|us)|(?:set|make|create|add|give me|want|need) a reminder) "
    r"(?:(?:(?:in|for) )?… )?(?:to|about|that) (.+?)(?: (?:in )?…)?"
)
_REMINDERS: Final = re.compile(r"\breminders?\b")
_ASKS_OF_REMINDERS: Final = re.compile(
    r"(?:what|which|when|how (?:long|much|many)|list|show|read|do i have|have i|are there|is there|any)\b.*"
    r"\breminders?\b"
)
_SOMEBODY: Final = re.compile(r"\b(?:remind|tell|ask|warn) (?!me\b|us\b)\w+")
_WHENEVER: Final = re.compile(
    r"\b(?:am|pm|today|tomorrow|tonight|morning|afternoon|evening|night|noon|midnight|o'clock|later|soon|every|"
    r"\w+day|week|month|when|if|at \d+)\b"
)
"""A time that is told, and was not understood."""
_LENGTH: Final = re.compile(r"\b(?:hours?|minutes?|seconds?)\b")
_MORNING: Final = re.compile(r"\bwake (?:me|us)(?: up)? (?:tomorrow|in the morning)(?: morning)?(?: early)?$")
_IS: Final = re.compile(r"\b(?:timer|alarm|countdown) (?:is|was|has|had|will|goes|went|should|says|said)\b")
_NAME: Final = (
    re.compile(r"\b(?:called|named|labell?ed) (?:the )?(\w+)\b"),
    re.compile(r"(?:\b(?:timer|alarm)|…) for (?:the |my |our |some |a )?(\w+)(?: (?:for|of) …|$)"),
    re.compile(r"(?:\b(?:my|the|an?|another|new|set|start|make|cancel|stop|on)|…) (\w+) (?:timer|alarm)\b"),
)
_NO_NAME: Final = re.compile(
    r"\d+|an?|the|my|our|your|this|that|other|another|new|second|first|third|last|next|extra|separate|different|quick|"
    r"short|long|minute|hour|countdown|timer|alarm|set|start|make|cancel|stop|me|us|it|now|today|tonight|tomorrow|"
    r"single|simple|end|up|for|of|in|on|at|to|and|or|all|both|every|any|damn|bloody|silly|little"
)
_BEFORE: Final = re.compile(r"… (?:before|past|after|to) (?:\d|noon|midnight)")
"""Of a time of day, and no length of time."""
_MOVES: Final = re.compile(r"\b(?:change|move|adjust|update|reschedule|shift|push|make)\b.*\balarm\b")
_ASKS_IT: Final = re.compile(
    r"(?:(?:and|then|please|just|also|so|hey|okay|can|could|would|will|won't|you|i|we|i'd|want|need|wanna|like|to|have|got|"
    r"gotta|give|make|set|create|add|in|at|on|for|about|from|now|kindly|maybe|sure|be|that|…|let's) )*"
)
"""What may stand before "wake me" of one who asks for it."""
_FURTHER_ALARM: Final = re.compile(r"(?:and )?(?:set )?(?:another|1|one|a second)(?: (?:1|one|alarm))? …")
_FURTHER: Final = re.compile(
    r"(?:and )?(?:(?:set|start|make|begin|add) )?"
    r"(?:(?:another|(?:the |a )?(?:other|second|third|next)|a|(?:1|one) more)"
    r"(?: (?:1|one|timer))?|1|one)(?: timer)? (?:for|of) (?:the (\w+) for )?(…|\d{1,3})(?: please| as well| too)*"
)
"""One beside that which was just set."""
_THAT: Final = re.compile(
    r"(?:please )?(?:cancel|stop|delete|remove|end|clear|kill) (?:the|my|that) (…|\w+) (?:1|one)"
)
_CLOCKED: Final = re.compile(
    r"(?:(?:can|could|would|will) you )?(?:please )?(?:just )?(?:"
    r"(?:time|(?:start |begin )?count(?:ing)? down(?: from)?) …(?: for (?:me|us|the \w+|my \w+)| "
    r"please| now)*|"
    r"(?:(?:give me|gimme|put|set|i need|i want) )?… on the clock(?: please)?|"
    r"(?:start|set|run) (?:the|a) (?:clock|stopwatch) (?:for|at|to) …|"
    r"(?:start|set|make|begin) (?:me )?(?:a new |another |a )?(?:1|one) (?:for|of) …|"
    rf"(?:let (?:me|us) know|{_ALERT} (?:me|us)|beep|ring|shout|give (?:me|us) a (?:shout|nudge|ring|"
    rf"buzz|beep|ping|call)) "
    r"(?:when|once|after|in) …(?: (?:is|are|has|have))?(?: up| over| passed| gone| done)?(?: by)?(?: "
    r"please)?|"
    r"…,? (?:starting|from) now(?: please)?|… go)"
)
"""Asks for a timer, and calls it otherwise."""
_TIME_IT: Final = re.compile(
    r"(?:can|could|would|will) you (?:please )?time (?:it|that|this|them)(?: for (?:me|us))?$"
)
_NEEDLESS: Final = re.compile(
    r"^i (?:don't|do not) (?:need|want) (?:the|my|that|this|a) (?:\w+ )?timer(?: any ?more| any "
    r"longer| now)?$"
)
_END: Final = re.compile(
    r"\b(?:cancel|stop|never ?mind|delete|remove|clear|(?<!an )end|kill|turn off|shut off|switch off|get rid "
    r"of|dismiss|"
    r"abort|quit|erase|"
    r"scratch|scrap|drop|ditch|bin|call off|call .* off|forget|lose|turn .* off|switch .* off|done with)\b"
)
_LEFT: Final = re.compile(
    r"\b(?:left|remain|remaining|remains|longer|status|check|go off|goes off|goes|done|until|till|up|"
    r"ends?|ring|on|doing|"
    r"running|going|nearly|almost|close|to go|do i have|have i|any)\b|\bset$|^(?:what time|when)\b|"
    r"^(?:what's|what is|where's|where is) (?:the|my) "
    r"(?:\w+ )?timer(?: at)?$|"
    r"^where are we\b"
)


def asked(text: str) -> Found | None:  # noqa: PLR0911 -- rules, one after the other
    """What is asked of timers, alarms and reminders."""
    if not _TIMER.search(text):
        return _wake(text)
    if _NEEDLESS.search(text):
        return "TimerCancel", {}
    slots, rest = _lengths(text)
    if slots and (changed := _CHANGE.fullmatch(rest)) is not None:
        return "TimerChange", {**slots, **({"timer_name": changed[1]} if changed[1] else {})}
    if QUESTION.match(text) and not NOT.search(text) and not text.startswith(("who ", "whose ")):
        return _question(slots, rest)
    if not is_request(text):
        return None
    if _END.search(rest):
        return "TimerCancel", _all(rest) or {**slots, **_named(rest)}
    if re.search(r"\b(?:left|remaining|status|check)\b|^(?:list|show|read|tell me)\b", rest):
        return "TimerLeft", _named(rest)
    if _EXTENDS.search(rest) or _IS.search(rest):  # what there is, which nobody here can; or is told of
        return None
    return _set(slots, rest)


def _set(slots: dict[str, int], rest: str) -> Found | None:
    if slots and (_WISH.search(rest) or len(rest.split()) <= 6 or rest.startswith("… on the timer")):
        return "TimerSet", {**slots, **_named(rest)}
    alarm = re.search(r"\balarms?\b", rest) is not None
    at, around = times(rest, at_least=not re.search(r"\b\d{1,2} \d\d alarm\b", rest))
    if at and (alarm or at["half"]) and not re.search(r"\d", around):
        moves: dict[str, Slot] = {"instead": 1} if _MOVES.search(around) else {}
        wished = moves or _WISH.search(around) or len(around.split()) <= 4
        return ("AlarmSet", {**at, **moves}) if wished else None
    day, around = days(rest)
    if alarm and day and re.search(r"\balarms?(?: on)?$", around) and _WISH.search(around):
        return "TimerAsk", {"what": "alarm", **day}
    wish = _WISH.search(rest)
    asks = (
        wish and _TIMER.search(rest, wish.end()) and not re.search(r"\d", rest) and not _WHENEVER.search(rest)
    )
    return ("TimerAsk", {**_named(rest), **({"what": "alarm"} if alarm else {})}) if asks else None


def _lengths(text: str) -> tuple[dict[str, int], str]:
    slots, rest = durations(text)
    return ({}, text) if _BEFORE.search(rest) else (slots, rest)


def _question(slots: dict[str, int], rest: str) -> Found | None:
    if slots and not re.match(r"how (?:long|much)|when|what's left|is\b", rest):
        return None
    return ("TimerLeft", {**slots, **_named(rest)}) if _LEFT.search(rest) else None


def _named(rest: str) -> dict[str, Slot]:
    """What the timer is for, as far as one word says it."""
    for pattern in _NAME:
        for found in pattern.finditer(rest):
            if _NO_NAME.fullmatch(found[1]) is None:
                return {"timer_name": found[1]}
    return {}


def _all(text: str) -> dict[str, Slot]:
    return {"which": "all"} if re.search(r"\b(?:all|every|both)\b", text) else {}


def further(text: str, before: dict[str, Slot]) -> dict[str, Slot] | None:
    """The slots of one more timer, "and another for ten", beside that of `before`; None where it is none."""
    slots, rest = durations(text)
    found = _FURTHER.fullmatch(rest)
    if found is None:
        return None
    units = [unit for unit in ("hours", "minutes", "seconds") if unit in before]
    if not slots and found[2].isdigit() and len(units) == 1:
        slots = {units[0]: int(found[2])}
    name: dict[str, Slot] = {"timer_name": found[1]} if found[1] else {}
    return {**slots, **name} if slots else None


def further_alarm(text: str) -> dict[str, Slot] | None:
    """The slots of one more alarm; None where it is none."""
    at, rest = times(text)
    return dict(at) if at and _FURTHER_ALARM.fullmatch(rest) else None


def _wake(text: str) -> Found | None:  # noqa: PLR0911 -- likewise
    if _ASKS_OF_REMINDERS.fullmatch(text) and not NOT.search(text):
        return "TimerLeft", {"timer_name": "reminder"}
    slots, rest = _lengths(text)
    if not slots and _REMINDERS.search(text) and _END.search(text) and is_request(text):
        return "TimerCancel", {"timer_name": "reminder", **_all(text)}
    if slots and _CLOCKED.fullmatch(rest):
        return "TimerSet", dict(slots)
    if slots and _TIME_IT.search(rest):
        return "TimerSet", dict(slots)
    if (that := _THAT.fullmatch(rest)) is not None and (slots or not _NO_NAME.fullmatch(that[1])):
        return "TimerCancel", dict(slots) or {"timer_name": that[1]}
    wakes = _WAKE.search(rest)
    if wakes is None or not is_request(_asking(text)) or _SOMEBODY.search(_asking(text)):
        return None
    if not _ASKS_IT.fullmatch(rest[: wakes.start()]):
        return None
    return _in_time(slots, rest) if slots else _at_time(text)


def _asking(text: str) -> str:
    """A sentence without what there is to remember."""
    return re.sub(r"\b((?:remind|tell) (?:me|us)\b.*?) (?:to|that|about) .+$", r"\1", text)


def _in_time(slots: dict[str, int], rest: str) -> Found | None:
    if (about := _ABOUT.fullmatch(rest)) is not None:
        return "TimerSet", {**slots, "reminder": _plainly(about[1])}
    plain = re.search(
        r"\b(?:me|us)(?: up)? (?:again )?in …$|\bin … .*\b(?:me|us)(?: up)?$|\ba reminder (?:in|for) …$|"
        r"\b(?:me|us) (?:when|once) … (?:is|are|has|have) (?:up|over|passed|gone|done)$",
        rest,
    )
    return ("TimerSet", dict(slots)) if plain else None


def _at_time(text: str) -> Found | None:
    at, rest = times(text)
    about = _ABOUT.fullmatch(rest)
    reminds = re.search(r"\bremind|\breminder\b", rest) is not None
    what: dict[str, Slot] = {"reminder": _plainly(about[1])} if about and reminds else {}
    if at and (
        what or re.search(r"\b(?:remind|wake|alert|notify) (?:me|us)(?: up)? …$|\ba reminder …$", rest)
    ):
        return "AlarmSet", {**at, **what, **({"waking": 1} if re.search(r"\bwake\b", rest) else {})}
    if not at and _MORNING.search(rest):
        return "TimerAsk", {"what": "alarm", "waking": 1}
    if at or not reminds or _LENGTH.search(text):
        return None
    day, around = days(text)
    about = _ABOUT.fullmatch(around)
    if about is None or _WHENEVER.search(around):
        return None
    return "TimerAsk", {"reminder": _plainly(about[1]), **day}


def _plainly(about: str) -> str:
    return re.sub(r" ?(?:in )?…", "", about)


def left(text: str) -> Found | None:
    """Whether it is asked how long something has still to run."""
    found = re.fullmatch(
        r"(?:and )?how (?:long|much time|much longer|many (?:more )?(?:minutes|seconds))(?:'s| "
        r"\w+){0,4} (?:left|remaining|to go|"
        r"still)(?: \w+){0,3}|how long(?:'s| is)? left|how long has it got|(?:the )?time (?:left|remaining)|"
        r"how (?:long|much longer) (?:until|till|before) it(?:'s| is| will| goes| rings?| ends?)?(?: "
        r"\w+){0,2}",
        text,
    )
    return ("TimerLeft", {}) if found else None
