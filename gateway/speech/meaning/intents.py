"""What was meant: text to an intent, by our own templates, then Home Assistant's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from hassil.intents import Intents, SlotList, TextSlotList
from hassil.recognize import RecognizeResult, recognize_best
from home_assistant_intents import get_intents

from gateway.speech.meaning.numbers import digits_for_words
from gateway.speech.meaning.sentences import SentenceBook

Slot = str | int
_MAX_CHARS = 300  # longer than anything that a template can mean; bounds the matcher's work

# Home Assistant's intents that we can answer, and the slots which say so. The rest is SMART_HOME.
_HOME_ASSISTANT: Mapping[str, tuple[str, Mapping[str, Slot]]] = {
    "HassGetCurrentTime": ("Time", {}),
    "HassGetCurrentDate": ("Date", {"when": "today"}),
    "HassStartTimer": ("TimerSet", {}),
    "HassCancelTimer": ("TimerCancel", {}),
    "HassCancelAllTimers": ("TimerCancel", {}),
    "HassTimerStatus": ("TimerLeft", {}),
    "HassNevermind": ("Stop", {}),
    "HassRespond": ("Help", {}),
    "HassGetWeather": ("Unavailable", {"what": "weather"}),
    "HassMediaNext": ("Unavailable", {"what": "music"}),
    "HassMediaPause": ("Unavailable", {"what": "music"}),
    "HassMediaPrevious": ("Unavailable", {"what": "music"}),
    "HassMediaSearchAndPlay": ("Unavailable", {"what": "music"}),
    "HassMediaUnpause": ("Unavailable", {"what": "music"}),
    "HassListAddItem": ("Unavailable", {"what": "lists"}),
    "HassShoppingListAddItem": ("Unavailable", {"what": "lists"}),
    "HassBroadcast": ("Unavailable", {"what": "messages"}),
    "HassIncreaseTimer": ("TimerExtend", {}),
    "HassDecreaseTimer": ("TimerExtend", {"shorter": 1}),
    "HassPauseTimer": ("Unavailable", {"what": "timer changes"}),
    "HassUnpauseTimer": ("Unavailable", {"what": "timer changes"}),
}
_AREAS = "kitchen|bedroom|living room|bathroom|hall|office|garage|garden|dining room|basement|attic|porch"
_THINGS: Mapping[str, str] = {
    "light": "light|lights|lamp|ceiling light|night light",
    "fan": "fan|ceiling fan",
    "climate": "heating|thermostat|air conditioning|ac",
    "media_player": "tv|television|radio|speaker",
    "cover": "door|garage door|window|blinds|curtains|shutters",
    "lock": "front door|back door",
    "vacuum": "vacuum|robot",
    "switch": "coffee machine|plug|kettle|dishwasher|washing machine",
}
_TIMER_SLOTS = {"hours": "hours", "minutes": "minutes", "seconds": "seconds", "name": "timer_name"}


@dataclass(frozen=True, slots=True)
class Intent:
    """What was meant. Slots as the sentence files name them; numbers are ints, decimals digit strings."""

    name: str
    slots: Mapping[str, Slot] = field(default_factory=dict)


class Recogniser:
    """Maps a sentence to an intent. Holds a parsed book; `recognise` changes nothing."""

    def __init__(self, book: SentenceBook) -> None:
        self._ours = book.hassil()
        self.recognise("warm up")  # both matchers parse their templates at the first match, which takes 0.3 s

    def recognise(self, text: str) -> Intent | None:
        """The intent of `text` (English, numbers in words or digits), or None where there is none.

        The whole sentence has to match a template: a word too many means that it was not understood.
        """
        heard = digits_for_words(text[:_MAX_CHARS])
        return (self._own(heard) or _home_assistant().recognise(heard)) if heard else None

    def own(self, text: str) -> Intent | None:
        """The same of the book's sentences alone."""
        heard = digits_for_words(text[:_MAX_CHARS])
        return self._own(heard) if heard else None

    def _own(self, heard: str) -> Intent | None:
        found = recognize_best(heard, self._ours)
        return None if found is None else Intent(found.intent.name, _slots(found))

    @cached_property
    def names(self) -> frozenset[str]:
        """The intents of the book."""
        return frozenset(self._ours.intents)


def _of_anybody(found: RecognizeResult) -> bool:
    """Where someone is, in any words at all: "who is the president" is of no smart home."""
    state = found.entities.get("state")
    return found.intent.name == "HassGetState" and state is not None and state.is_wildcard


def _slots(found: RecognizeResult) -> dict[str, Slot]:
    """The entities; a decimal part keeps its text, since "05" is not 5."""
    return {
        name: entity.text.strip() if name.endswith("_decimals") else _plain(entity.value)
        for name, entity in found.entities.items()
    }


def _plain(value: Any) -> Slot:
    return int(value) if isinstance(value, int | float) else str(value).strip()


class _HomeAssistant:
    """Home Assistant's own sentences, over a made-up home: what we can't do is recognised too."""

    def __init__(self) -> None:
        data = get_intents("en")
        self._intents = Intents.from_dict(data) if data else None
        self._lists: dict[str, SlotList] = {
            "area": TextSlotList.from_strings(_AREAS.split("|"), name="area"),
            "name": TextSlotList.from_tuples(_things(), name="name"),
            "floor": TextSlotList.from_strings(
                ["ground floor", "first floor", "upstairs", "downstairs"], name="floor"
            ),
        }

    def recognise(self, heard: str) -> Intent | None:
        if self._intents is None:
            return None
        found = recognize_best(heard, self._intents, slot_lists=self._lists)
        if found is None or _of_anybody(found):
            return None
        if (command := found.entities.get("conversation_command")) is not None:
            return self._later(str(command.text))
        name, fixed = _HOME_ASSISTANT.get(found.intent.name, ("SmartHome", {}))
        timer = _slots(found) if name.startswith("Timer") else {}
        named = {_TIMER_SLOTS[k]: v for k, v in timer.items() if k in _TIMER_SLOTS}
        if "timer_name" in named:
            named["timer_name"] = str(named["timer_name"]).removeprefix("the ").removeprefix("my ")
        return Intent(name, {**fixed, **named})

    def _later(self, command: str) -> Intent | None:
        """What is to be done in ten minutes, say: only a smart home could. Anything else before it is talk."""
        found = self.recognise(command.strip())
        return found if found is not None and found.name == "SmartHome" else None


def _things() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (thing, thing, {"domain": domain})
        for domain, things in _THINGS.items()
        for thing in things.split("|")
    ]


@cache
def _home_assistant() -> _HomeAssistant:
    return _HomeAssistant()
