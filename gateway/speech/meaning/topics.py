"""What a sentence means after the one before it: "no, ten minutes", "the first one", "and times two". Pure."""

from __future__ import annotations

import re
from typing import Final

from gateway.speech.meaning.arithmetic import continued
from gateway.speech.meaning.clock import times
from gateway.speech.meaning.durations import durations
from gateway.speech.meaning.intents import Intent, Slot
from gateway.speech.meaning.loose import of_ten
from gateway.speech.meaning.loose_timers import further, further_alarm

_IT: Final = re.compile(
    r"(?:(?:please|no|okay|ok|actually|oh) )*(?:cancel|stop|forget|delete|scratch|scrap|drop|kill|"
    r"remove|turn off|end|undo|"
    r"get rid of) (?:it|that|this|that one)(?: please| again| now)?"
)
_EVERYTHING: Final = re.compile(
    r"(?:(?:please|no|okay|ok|actually|oh|just) )*(?:cancel|clear|delete|remove|forget|get rid of) "
    r"(?:everything|all|them all|all of (?:them|it|those)|all that|the lot|both|both of them)(?: please| again| now)*"
)
_WHICH: Final = re.compile(
    r"(?:(?:cancel|stop|delete|remove|end|clear|kill|the|my|that|just|only|no|i mean|it's) )*"
    r"(?P<what>…|\w+)(?P<one> (?:1|one|timer|alarm))?"
)
"""What somebody says who is asked which timer."""
_NEVER_MIND: Final = re.compile(
    r"(?:(?:no|oh|okay|ok|actually|wait|sorry) )*(?:never ?mind|forget (?:it|about it|that|about "
    r"that)|cancel|no thanks|"
    r"i(?:'ve)? changed my mind|don't bother|scrap that|leave it|no need)(?: that| it| about (?:it|"
    r"that))?(?: (?:it's|they're|"
    r"i'm) (?:\w+ ?){1,2})?"
)
_RATHER: Final = re.compile(
    r"(?:no|nope|sorry|actually|wait|rather|i mean|i meant|make it|make that|change it to|better|for|not)\b"
)
_CORRECTION: Final = re.compile(
    r"(?:(?:no|nope|sorry|oh|actually|wait|i mean|i meant|make it|make that|change (?:it|that) to|better|"
    r"i said|i wanted|i need|i want|rather|instead|set it to|let's say|the timer|for|to|please|it|"
    r"should be) )*…(?: instead| rather| "
    r"please| actually)*"
)
_ANSWER: Final = re.compile(
    r"(?:(?:for(?: (?:the|my) \w+)?|in|about|let's say|make it|set it (?:for|to)|please|um) )*…(?: "
    r"please| long| from now)*"
)
_LONGER: Final = re.compile(
    r"(?:(?:please|and|no|actually|make it|give me|give it|i need|let's have|add|another|plus|put) )*"
    r"… (?:more|extra|longer|on(?:to)? (?:it|that)|to (?:it|that))(?: please)?|(?:add|plus) (?:another )?…"
)
_SHORTER: Final = re.compile(
    r"(?:(?:please|and|no|actually|make it|take) )*… (?:less|shorter|off)(?: (?:it|that))?(?: please)?"
)
_AGAIN: Final = re.compile(
    r"(?:(?:and|okay|tell me|give me|do) )*(?:another(?: 1| one)?|again|(?:1|one) more(?: time)?|once more|"
    r"and another|next (?:1|one))(?: please)?"
)
_GAMES: Final = ("Joke", "Coin", "Dice")
_TIMERS: Final = ("TimerSet", "TimerAsk", "TimerChange")
_RUNNING: Final = ("TimerSet", "TimerChange", "TimerExtend", "TimerLeft")
_WHEN: Final = re.compile(
    r"(?:and )?when (?:does|will|is) it(?: \w+){0,3}|how (?:much|many minutes) (?:is )?left"
)
_NUMBER: Final = re.compile(
    r"(?:(?:no|sorry|wait|actually|make (?:it|that)|set it to|i meant?|to|for|say|let's say|about|rather) )*"
    r"(\d{1,3})(?: percent)?"
)
_MORE: Final = re.compile(
    r"(?:(?:and|even|a|little|tiny|bit|much|some|still|still a) )*(?:more|further|again|once more|one more "
    r"time)(?: please)?"
)
_STEPS: Final = ("VolumeUp", "VolumeDown")


def following(text: str, topic: Intent) -> Intent | None:
    """What `text` asks for where `topic` was spoken of last, whose name is empty where nothing was."""
    if topic.name in _TIMERS and (found := _of_timer(text, topic)) is not None:
        return found
    if (found := _of_timers(text, topic)) is not None:
        return found
    if topic.name in {"Calculate", "Sum"}:
        goes_on = continued(text)
        return Intent("Calculate", {"sum": goes_on, "goes_on": 1}) if goes_on else None
    if topic.name == "VolumeSet" and (number := _NUMBER.fullmatch(text)) and int(number[1]) <= 100:
        return Intent("VolumeSet", {"percent": of_ten(int(number[1]), as_it_is="percent" in text)})
    again = _MORE if topic.name in _STEPS else _AGAIN if topic.name in _GAMES else None
    return topic if again is not None and again.fullmatch(text) else None


def may_follow(text: str) -> bool:
    """Whether it asks for something after anything that may have been said before it."""
    return any(wish.fullmatch(text) for wish in (_IT, _EVERYTHING, _NEVER_MIND, _MORE)) or bool(
        _of_timer(text, Intent("TimerAsk"))
        or _of_timer(text, Intent("TimerSet"))
        or _of_timers(text, Intent("TimerSet"))
        or continued(text)
    )


def _of_timers(text: str, topic: Intent) -> Intent | None:
    if topic.name in _RUNNING:
        if _WHEN.fullmatch(text):
            return Intent("TimerLeft")
        if (longer := _longer(text)) is not None:
            return longer
    if topic.name == "TimerCancel" and not topic.slots and (which := _which(text)):
        return Intent("TimerCancel", which)
    if _EVERYTHING.fullmatch(text):
        return Intent("TimerCancelIt", {"which": "all"})
    return Intent("TimerCancelIt") if _IT.fullmatch(text) and not text.startswith("stop") else None


def beside(text: str, first: Intent | None) -> Intent | None:
    """One more timer, where the one before it was set just now."""
    name = "" if first is None else first.name
    if name == "AlarmSet" and (at := further_alarm(text)) is not None:
        return Intent("AlarmSet", at)
    slots = further(text, dict(first.slots)) if first is not None and name == "TimerSet" else None
    return None if slots is None else Intent("TimerSet", slots)


def _longer(text: str) -> Intent | None:
    """So much more, or less, of the timer that was spoken of."""
    said = re.sub(r"\banother (minute|hour|second)\b", r"1 \1 more", text)
    said = re.sub(r"\b(\d+) (more|extra) (\w+)", r"\1 \3 \2", said)
    slots, rest = durations(said)
    longer = _LONGER.fullmatch(rest)
    if not slots or not (longer or _SHORTER.fullmatch(rest)):
        return None
    return Intent("TimerExtend", {**slots, **({} if longer else {"shorter": 1})})


def _which(text: str) -> dict[str, Slot]:
    """Which timer is meant, in answer to that question."""
    if re.fullmatch(
        r"(?:no |just |cancel )*(?:both|all|everything|all of them|both of them|all timers)", text
    ):
        return {"which": "all"}
    slots, rest = durations(text)
    found = _WHICH.fullmatch(rest)
    if found is None or not (slots or found["one"] or re.search(rf"\bthe {found['what']}$", rest)):
        return {}
    return {**slots} if slots else {"timer_name": found["what"]}


def _of_timer(text: str, topic: Intent) -> Intent | None:  # noqa: PLR0911 -- rules, one after the other
    name = topic.name
    if _IT.fullmatch(text) or _NEVER_MIND.fullmatch(text):
        return Intent("Stop") if name == "TimerAsk" else Intent("TimerCancel", {"which": "last"})
    if (one := beside(text, topic)) is not None:
        return one
    if name == "TimerAsk" and (at := _at(text, topic)) is not None:
        return at
    slots, rest = durations(text)
    if not slots and (number := _NUMBER.fullmatch(text)) is not None:
        units = [unit for unit in ("hours", "minutes", "seconds") if unit in topic.slots]
        if len(units) > 1 or (text == number[1] and name != "TimerAsk"):
            return None  # which of them it is of is not said; or a number alone, which may be anything
        slots, rest = {units[0] if units else "minutes": int(number[1])}, text.replace(number[1], "…")
    if not slots:
        return None
    if name == "TimerAsk":
        return Intent("TimerSet", {**_kept(topic), **slots}) if _ANSWER.fullmatch(rest) else None
    return Intent("TimerChange", slots) if _RATHER.match(rest) and _CORRECTION.fullmatch(rest) else None


def _at(text: str, topic: Intent) -> Intent | None:
    """An alarm, in answer to the question for when."""
    alarm = topic.slots.get("what") == "alarm"
    day = {name: topic.slots[name] for name in ("day", "half") if topic.slots.get(name)}
    at, rest = times(text, at_least=not (alarm or day))
    if not at or not _ANSWER.fullmatch(rest):
        return None
    return Intent("AlarmSet", {**at, **{n: at[n] or value for n, value in day.items()}, **_kept(topic)})


def _kept(topic: Intent) -> dict[str, Slot]:
    return {
        name: value for name, value in topic.slots.items() if name in {"reminder", "timer_name", "waking"}
    }
