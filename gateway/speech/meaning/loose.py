"""What was meant, where no template has the words: by the words that carry the meaning. Pure.

A sentence that would change something must be a request: neither negated, nor a report, nor a question about somebody.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from gateway.speech.meaning import dates, loose_timers
from gateway.speech.meaning.arithmetic import chain
from gateway.speech.meaning.intents import Intent, Slot
from gateway.speech.meaning.requests import QUESTION, is_request

_MOST_WORDS: Final = 16
_VOLUME: Final = re.compile(r"\b(?:volume|sound|speakers?|audio|loudness|decibels?)\b")
_OTHERS: Final = re.compile(
    r"\b(?:tv|telly|television|radio|music|stereo|song|film|movie|phone|computer|laptop|car|traffic|"
    r"kids|children|in here)\b"
)
"""What else is loud."""
_LOUDER: Final = re.compile(
    r"\bi (?:really )?(?:can't|cannot|can not|couldn't|can barely|can hardly|could hardly|barely|"
    r"hardly) hear you\b(?! over)|"
    r"^(?:(?:you're|you are|it's|that's|this is|way|a bit|much) )*too quiet\b|"
    r"\bspeak up(?: a (?:bit|little)| please| now| more)*$"
)
_QUIETER: Final = re.compile(r"\b(?:(?:keep|lower|drop) your voice(?: down)?|pipe down)\b")
_UP: Final = re.compile(r"\b(?:louder|up|increased?|raised?|higher|crank|boost|pump|more(?! the\b)|bump)\b")
_DOWN: Final = re.compile(
    r"\b(?:quieter|softer|down|decreased?|lower(?:ed)?|reduced?|less|quiet|soften|drop)\b"
)
_TO: Final = re.compile(r"\b(?:to|at|on|of|level|number|volume) (\d{1,3})\b( percent)?")
_BY: Final = re.compile(
    r"\b(?:by|up|down|louder|quieter|softer) (\d{1,3})\b(?! (?:o'clock|am|pm|notch|minute|second|hour))( percent)?|"
    r"\b(\d{1,3})( percent)\b"
)
"""How much louder or quieter; or how loud, where neither is said."""
_TIMES: Final = re.compile(r"\b(once|twice|\d{1,2}(?= times\b))")
_SIDES: Final = re.compile(r"\b(\d{1,4}) sided?\b|\b(?:with|has|of) (\d{1,4}) sides?\b")
_PLACE: Final = re.compile(
    r"\b(?:time|it|now|hour|clock) (?:right now |now )?(?:over |there )?(?:in|at|for|on) (?:the "
    r")?(?!the\b|what\b|morning|afternoon|evening|moment|here|my|this|present|now)\w+"
)

Found = tuple[str, dict[str, Slot]]


_LOUDNESS: Final = re.compile(
    r"\b(?:louder(?! than)|quieter(?! than)|softer(?! than)|speak up|(?:too|so) (?:loud|quiet)|more "
    r"(?:quietly|softly|quiet)|hear you|your voice|pipe down|off mute|unmute)\b|^how loud\b|^(?:please "
    r")?(?:turn|crank) (?:it|that|this|yourself) (?:up|"
    r"down)\b|^go (?:silent|quiet)$"
)
"""Is of the volume without its name."""


def understood(text: str) -> Intent | None:
    """The intent of a whole sentence, its numbers digits; None where it is none, or only may be one."""
    if not text or len(text.split()) > _MOST_WORDS:
        return None
    for rule in _RULES:
        if (found := rule(text)) is not None:
            return Intent(*found)
    return None


def _volume(text: str) -> Found | None:  # noqa: PLR0911 -- likewise
    named = _VOLUME.search(text)
    if _OTHERS.search(text) or not (named or _LOUDNESS.search(text)):
        return None
    if _LOUDER.search(text):
        return "VolumeUp", {}
    if _QUIETER.search(text) or re.search(
        r"\b(?:you're|you are|that's|it's|this is) (?:\w+ )?too loud\b", text
    ):
        return "VolumeDown", {}
    if re.fullmatch(r"(?:please )?(?:not|less) (?:so|quite so|that) (loud|quiet)(?: please)?", text):
        return ("VolumeDown" if "loud" in text else "VolumeUp"), {}
    if re.fullmatch(
        r"(?:what(?:'s| is)?|tell me) (?:the |your )?(?:current )?volume(?: level)?(?: at| on| now| "
        r"right now| set to| are you| you're)*|"
        r"how (?:loud|high) (?:are you|is (?:it|the volume|your volume))(?: set| now| right now| turned up)*",
        text,
    ):
        return "VolumeGet", {}
    if QUESTION.match(text) or not is_request(text):
        return None
    if re.search(r"\b(?:unmute|off mute|back on|sound on|turn on)\b", text):
        return "Unmute", {}
    if re.search(r"\b(?:mute|off|go silent|go quiet)\b", text):
        return "Mute", {}
    return _level(text) if named else _louder(text)


def _louder(text: str) -> Found | None:
    if (found := _BY.search(text)) is not None:
        return _by(text, _step_of(int(found[1] or found[3]), as_it_is=bool(found[2] or found[4])))
    return _step(text)


def _level(text: str) -> Found | None:
    if (found := _TO.search(text)) is not None:
        percent = of_ten(int(found[1]), as_it_is=bool(found[2]))
        return ("VolumeSet", {"percent": percent}) if percent <= 100 else None
    if (found := _BY.search(text)) is not None:
        return _by(text, _step_of(int(found[1] or found[3]), as_it_is=bool(found[2] or found[4])))
    if re.search(r"\b(?:max|maximum|full|highest|all the way up|loudest)\b", text):
        return "VolumeSet", {"percent": 100}
    if re.search(r"\bhalf\b", text):
        return "VolumeSet", {"percent": 50}
    if re.search(r"\b(?:minimum|lowest|all the way down)\b", text):
        return "VolumeSet", {"percent": 10}
    return _step(text)


def of_ten(number: int, *, as_it_is: bool = False) -> int:
    """A number that somebody says of a volume, in percent: "to four" is of ten."""
    return number if as_it_is or number > 10 else 10 * number


def _step_of(number: int, *, as_it_is: bool) -> int:
    """How much louder or quieter, in percent: two is of ten, and ten is nobody's whole volume."""
    return number if as_it_is or number >= 10 else 10 * number


def _by(text: str, percent: int) -> Found | None:
    up, down = _UP.search(text), _DOWN.search(text)
    if percent > 100 or (up and down) or re.search(r"\btoo\b", text):
        return None
    if up or down:
        return ("VolumeUp" if up else "VolumeDown"), {"by": percent}
    return None if re.search(r"\bby\b", text) else ("VolumeSet", {"percent": percent})


def _step(text: str) -> Found | None:
    up, down = _UP.search(text), _DOWN.search(text)
    if bool(up) == bool(down) or re.search(r"\d", text):
        return None
    return ("VolumeUp" if up else "VolumeDown"), {}


def _sum(text: str) -> Found | None:
    return None if (found := chain(text)) is None else ("Calculate", {"sum": found})


def _clock(text: str) -> Found | None:
    if re.search(r"\btime zone|timezone|standard time\b", text) or (_PLACE.search(text) and "time" in text):
        return ("Unavailable", {"what": "elsewhere"}) if re.search(r"\bwhat|tell|give|know\b", text) else None
    if re.search(
        r"\bwhat(?:'s|s| is)? (?:the )?(?:current |exact |right )?(?:time|hour)(?: (?:is|it|now|right|"
        r"please|do|you|make|have|"
        r"we|got|there|here|at|the|moment|currently|today|exactly|then|on|your|clock|say|says|by|day|of))*$|"
        r"\btell (?:me|us) (?:what )?the time\b|^(?:and )?(?:the |current )+time$|\bwhat does the "
        r"clock say\b|\b(?:need|want|like) to know the time\b",
        text,
    ):
        return "Time", {}
    asks = (
        r"(?<!\ball )(?<!\bby )(?<!\bat )\bthe (?:current |exact )?time(?: is| it is)?(?: now| right "
        r"now| please)?$|"
        r"\bwhat time (?:it is|is it)(?: now| right now| please| exactly| there)*$|\btime of day\b"
    )
    wanted = re.search(asks, text) and not re.search(
        r"\b(?:left|until|last|first|next|ago|arrive|leave|start|open|close|does|did|do)\b", text
    )
    return ("Time", {}) if wanted else None


def _date(text: str) -> Found | None:
    return None if (found := dates.asked(text)) is None else ("Date", found)


def _dice(text: str) -> Found | None:
    if not re.search(r"\b(?:roll|throw|toss)\b", text) or not re.search(r"\b(?:dice|die)\b", text):
        return None
    sides = _SIDES.search(text)
    many = re.search(r"\b(\d{1,2}) (?:\d+ sided )?dice\b", text) or _TIMES.search(text)
    found: dict[str, Slot] = {"sides": int(sides[1] or sides[2])} if sides else {}
    return "Dice", {**found, **_count(many)}


def _coin(text: str) -> Found | None:
    if not re.search(r"\b(?:flip|toss|throw)\b.*\bcoins?\b", text) or not is_request(text):
        return None
    many = re.search(r"\b(\d{1,2}) coins\b", text) or _TIMES.search(text)
    return ("Coin", _count(many)) if many else None


def _count(found: re.Match[str] | None) -> dict[str, Slot]:
    if found is None:
        return {}
    return {"count": int(found[1]) if found[1].isdigit() else {"once": 1, "twice": 2}[found[1]]}


def _matching(name: str, pattern: str, most: int = 12, **slots: Slot) -> Callable[[str], Found | None]:
    compiled = re.compile(pattern)

    def rule(text: str) -> Found | None:
        return (name, dict(slots)) if len(text.split()) <= most and compiled.search(text) else None

    return rule


_RULES: Final[tuple[Callable[[str], Found | None], ...]] = (
    loose_timers.asked,
    loose_timers.left,
    _volume,
    _sum,
    _dice,
    _coin,
    _matching(
        "Coin",
        r"\b(?:flip|toss|throw)\b.*\bcoin\b|\bheads or tails\b|^(?!.*\b(?:lost|won)\b).*\bcoin "
        r"(?:flip|toss)\b",
    ),
    _matching(
        "Joke",
        r"\b(?:tell (?:me|us)|hear|know|give|got|say|share|have|another|mood)\b.*\b(?:jokes?|"
        r"(?:something|a) (?:funny|"
        r"hilarious)(?: one)?)\b|\bmake (?:me|us) (?:laugh|smile)\b",
    ),
    _matching(
        "RepeatLast",
        r"^(?:please )?(?:repeat|say)(?: \w+){0,2} (?:that|it|again|last|what you|yourself|please|question|"
        r"answer)\b|"
        r"\b(?:you|please|may you) (?:please )?(?:repeat|say) (?:that|it|what you|your|the last|the "
        r"question)\b|\b(?:hear|say) (?:that|it) (?:again|one more|once more)\b|"
        r"\bwhat (?:did you|was it you|have you) (?:just )?(?:say|said|ask)\b|\bwhat was that\b|^(?:sorry "
        r")?pardon\b|\bcome again\b|^repeat$|^sorry what$|^(?:excuse me|pardon me)$|"
        r"\b(?:didn't|did not|couldn't) (?:quite )?(?:hear|catch|get|understand) (?:that|you|what you|it)\b",
        whose="bot",
    ),
    _matching(
        "Name",
        r"\b(?:what|who|tell|know|have|say|share)\b.*\b(?:your (?:\w+ )?name|(?:should|can|may|do|shall) i "
        r"call you|you called|name you|they call you)\b|^who (?:are you|am i (?:talking|speaking) "
        r"(?:to|with))$|"
        r"^(?:have you got|do you have) a name$",
    ),
    _matching(
        "Help",
        r"\bwhat (?:\w+ ){0,4}(?:can|could|do|should|may|am) (?:you (?:\w+ ){0,3}(?:do|answer|help|know|"
        r"capable|able|assist)|i (?:\w+ ){0,3}(?:ask|say))\b|"
        r"\bwhat (?:else )?(?:are you|you are|you're) (?:capable|able)\b|\bwhat (?:\w+ )?(?:questions|"
        r"subjects|topics|things|commands) (?:can|do|are) (?:you|i)\b|^(?:list|show|tell me) your "
        r"(?:commands|skills|functions)$",
    ),
    _clock,
    _date,
    _matching(
        "Thanks",
        r"^(?!say |tell |he |she |they ).*\b(?:thank you|thanks|thank ya|appreciate (?:it|that|you)|i "
        r"owe you|much obliged)\b|"
        r"^(?:cheers|ta)(?: \w+)?$",
        9,
    ),
    _matching(
        "Stop",
        r"^(?:please |just |hey |okay )*(?:stop|quit|abort|cancel|end|nevermind|never mind|forget|shut up|"
        r"be quiet|hush|shush|enough|that's enough|that'll do)\b(?: (?:it|that|this|talking|speaking|now|"
        r"please|everything|all|just|stop|the|current|last|previous|process|command|action|request|what|"
        r"you're|doing|about))*$",
        8,
    ),
    _matching(
        "Goodbye",
        r"\b(?:good ?bye|bye|see (?:ya|you)(?: \w+)?|good night|talk (?:to you )?(?:later|soon|again)|until "
        r"next time|farewell|take care|peace out|night night|cheerio|ta ta)(?: then| now)?$",
        9,
    ),
    _matching(
        "Hello",
        r"^(?:well )?(?:hi|hello|hey|howdy|greetings|heyo|hiya|morning|evening|good (?:morning|"
        r"afternoon|evening|day))(?: "
        r"there| ai| friend| again| buddy| to you| how are you| how's it going| what's up)*$|"
        r"^(?:hey |hi |hello )?(?:how (?:are|is|have|ya|you)|how's) (?:you|it|ya|things|everything|life|"
        r"your)?(?: \w+){0,3}$|^(?:hey |hi )?(?:what's|what is) up$",
        7,
    ),
)
