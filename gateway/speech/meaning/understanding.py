"""What a sentence asks for, with what was said before it: none, one or two intents. No clock of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gateway.speech.meaning.intents import Intent, Recogniser
from gateway.speech.meaning.loose import of_ten, understood
from gateway.speech.meaning.numbers import digits_for_words
from gateway.speech.meaning.requests import is_request
from gateway.speech.meaning.topics import beside, following, may_follow

UNCLEAR: Final = "[unclear]"
TOPIC_SECONDS: Final = 60.0
"""How long "it" is what was last spoken of."""
_FILLERS: Final = re.compile(
    r"\b(?:um+|uh+|uhm|er|erm|hm+|mhm|ah|oh|eh|like i said|(?<!do )(?<!did )you know)\b(?! \d)"
)
_OH: Final = re.compile(r"^(?:(?:oh|ah|um|uh) )+")
"""Which before a number is one: "oh two"."""
_CALLED: Final = re.compile(r"^(?:(?:okay |ok |hey )?(?:nabu|jarvis|alexa|mycroft|computer|assistant)\b ?)+")
_POLITE: Final = re.compile(
    r"^(?:(?:okay|ok|so|well|hey|please|and|alright|right|excuse me|listen) )+|"
    r"(?: (?:please|thanks|thank you|okay|ta|love|dear|mate|(?:would|could|will|can) you|if you can|"
    r"if you would))+$"
)
_ASIDE: Final = re.compile(
    r"^(?:i'd|i would) (?:be (?:\w+ ){0,3}(?:grateful|glad|happy|pleased)|appreciate it|like it) if "
    r"you(?:'d|'ll| would| "
    r"could| can) |^you (?:can|may) (?:now )?(?=unmute|stop|turn|speak)|^(?:(?:can|could|would|will) "
    r"you (?:please )?)?(?:tell me|"
    r"let me know) (?=how (?:long|much|many|loud)\b|what the volume\b)"
)
"""Asks politely, and says nothing of what is asked."""
_BECAUSE: Final = re.compile(
    r" (?:because |since )?(?:i'm|i've|i have|we're|we've|it's|they're|the \w+(?:'s| is| are)) .*$"
)
_SO: Final = re.compile(r"^.* so (?=(?:please )?(?:set|start|put|wake|remind|turn|give|tell)\b)")
"""Why it is asked."""
_OPEN: Final = ("TimerAsk", "Stop", "Hello", "Unavailable")
"""What may well be the beginning of something longer."""
_TO_SOMEBODY: Final = re.compile(
    r"^say .*\bto (?:your|his|her|my|him|them|the|mr|mrs|mum|mom|dad|grandma|grandpa)\b"
)
_AND: Final = re.compile(
    r" and (?!(?:a|1) (?:half|quarter)\b|3 quarters\b)(?:then |also |after that )?| then | also | in (?=what )"
)
_AGAIN_AT: Final = re.compile(
    r"(?:say|repeat) (?:that|it|this)(?: again)? (?:a (?:bit|little) )?(louder|quieter|softer|more quietly|more softly)"
)
_BOTH: Final = re.compile(r"\b(time|date|day) and (?:the )?(time|date|day)\b")
_TO_IT: Final = re.compile(
    r"^(?:(?:please|hey|okay|ok|so|and|well) )*(?:(?:can|could|would|will) you\b|(?:set|start|turn|play|"
    r"tell|show|give|remind|cancel|stop|switch|put|make|"
    r"add|call|open|close|repeat|calculate|read|wake|dim|mute|increase|decrease|lower|raise|search|find|"
    r"send|order|buy|check)\b)"
)
_ASKS: Final = re.compile(
    r"^(?:what's|what is|who is|who's|where is|how (?:much|many|far|old|tall|long) (?:is|are))\b"
)
_PERSON: Final = re.compile(
    r"\b(?:i|you|he|she|we|they|me|us|him|her|them|my|your|his|our|their|this|that|it|mom|mum|dad)\b"
)


class Understanding:
    """Understands one speaker's sentences, one after the other.

    Args:
        recogniser: of the templates, which decide where they match.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._last: Intent | None = None
        self._at = 0.0

    def intents(self, heard: str, now: float) -> list[Intent]:
        """What `heard` asks for, `now` in seconds of any clock; nothing where that is not sure.

        Words that were not clearly heard ask for nothing.
        """
        if UNCLEAR in heard:
            return []
        text = plain(heard)
        follows = following(text, self._topic(now))
        found = self._all(heard, text) if follows is None else [follows]
        if found:
            self._last, self._at = found[-1], now
        return found

    def is_whole(self, heard: str, now: float) -> bool:
        """Whether it asks for something as it stands, as one who had finished would; nothing is remembered of it."""
        text = plain(heard)
        if UNCLEAR in heard:
            return False
        if following(text, self._topic(now)) is not None:
            return True
        whole = self._by_template(heard) or self._by_template(text)
        return whole is not None and whole.name not in _OPEN

    def _topic(self, now: float) -> Intent:
        """What "it" is; its name is empty where nothing is."""
        return self._last if self._last is not None and now - self._at <= TOPIC_SECONDS else Intent("")

    def may_mean(self, heard: str) -> bool:
        """Whether it asks for anything that can be done here, whatever was said before it."""
        text = plain(heard)
        return bool(
            may_follow(text)
            or understood(text)
            or self._can(text)
            or any(self._can(left) and self._can(right) for left, right in _split(text))
        )

    def _can(self, text: str) -> bool:
        found = understood(digits_for_words(text)) or self._recogniser.own(text)
        return found is not None and found.name != "Unavailable"

    def _all(self, heard: str, text: str) -> list[Intent]:
        if _TO_SOMEBODY.search(text):
            return []
        if (again := _AGAIN_AT.fullmatch(text)) is not None:
            step = "VolumeUp" if again[1] == "louder" else "VolumeDown"
            return [Intent(step), Intent("RepeatLast", {"whose": "bot"})]
        if (whole := self._by_template(heard) or self._by_template(text)) is not None:
            return [whole]
        for left, right in _split(_BOTH.sub(r"\1 and what's the \2", text)):
            first = self._one(left)
            second = self._one(right) or beside(right, first)
            if first is not None and second is not None:
                return [first, second]
        loosely = understood(text) or self._recogniser.recognise(text) or self._without_reasons(text)
        return [] if loosely is None else [loosely]

    def _without_reasons(self, text: str) -> Intent | None:
        asked = _SO.sub("", _BECAUSE.sub("", text))
        return self._one(asked) if asked not in {text, ""} and is_request(asked) else None

    def _one(self, text: str) -> Intent | None:
        return (
            self._by_template(text) or understood(digits_for_words(text)) or self._recogniser.recognise(text)
        )

    def _by_template(self, text: str) -> Intent | None:
        """What only refuses, as "I can't change a timer", gives way to what other words may mean."""
        found = self._recogniser.recognise(text)
        if found is not None and found.name == "Repeat":  # nobody wants to hear "that once more"
            again = understood(text)
            return again if again is not None and again.name == "RepeatLast" else found
        if found is not None and found.name == "VolumeSet":
            return _of_ten(found, digits_for_words(text))
        return None if found is not None and found.name == "Unavailable" else found


def _of_ten(found: Intent, text: str) -> Intent:
    """A volume that is a number alone, "volume five", is of ten as elsewhere."""
    said = re.search(r"\b(\d{1,3})\b(?! percent)", text)
    return Intent(found.name, {"percent": of_ten(int(said[1]))}) if said and "percent" not in text else found


def plain(heard: str) -> str:
    """A sentence with its numbers as digits, without a wake word, hesitation or politeness around it."""
    text = _FILLERS.sub("", digits_for_words(_OH.sub("", heard)))
    text = _CALLED.sub("", " ".join(text.replace("d'you", "do you").split()))
    return _ASIDE.sub("", _POLITE.sub("", text).strip())


def is_to_it(heard: str) -> bool:
    """Whether a sentence that was not understood is plainly said to a machine: a request, or about nobody here."""
    text = plain(heard)
    if UNCLEAR in heard or not 1 < len(text.split()) <= 12:
        return False
    if _TO_IT.match(text):
        return is_request(text)
    return _ASKS.match(text) is not None and _PERSON.search(text) is None


def _split(text: str) -> Iterator[tuple[str, str]]:
    for found in _AND.finditer(text):
        yield text[: found.start()], text[found.end() :]
