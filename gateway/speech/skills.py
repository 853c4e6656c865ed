"""What to say and do about an intent. Pure: the clock, the dice and the state of the call are handed in."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.speech.intents import Intent, Slot
from gateway.speech.numbers import ordinal_words, words_for_int
from gateway.speech.sums import SumError, spoken_sum

NOT_UNDERSTOOD = "Sorry, I didn't understand that."
VOLUME_STEP = 15  # percent
MAX_TIMERS = 10
_MAX_TIMER = 48 * 3600


@dataclass(frozen=True, slots=True)
class SetVolume:
    """Make the device this loud, 0 to 100 percent."""

    percent: int


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Ring in so many seconds. `label` is how to speak of it: "five minute", "pasta"."""

    seconds: int
    label: str
    reminder: str = ""


@dataclass(frozen=True, slots=True)
class CancelTimers:
    """Cancel the timers with these numbers."""

    numbers: tuple[int, ...]


Action = SetVolume | StartTimer | CancelTimers


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that runs: `left` seconds of `seconds` remain."""

    number: int
    label: str
    seconds: int
    left: float
    reminder: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """The state of the call that answers depend on. `volume` in percent, `before_mute` what unmuting restores."""

    now: datetime
    rng: random.Random
    volume: int = 70
    before_mute: int = 70
    timers: tuple[Timer, ...] = ()
    last_heard: str = ""
    last_said: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, maybe nothing, and what to do."""

    text: str
    actions: tuple[Action, ...] = ()


def answer(intent: Intent, context: Context) -> Reply:
    """The reply to `intent`. Changes nothing: the caller carries out the actions."""
    return _ANSWERS[intent.name](intent.slots, context)


def _time(_slots: Mapping[str, Slot], context: Context) -> Reply:
    now = context.now
    hour = words_for_int(now.hour % 12 or 12)
    half = "in the morning" if now.hour < 12 else "in the afternoon" if now.hour < 18 else "in the evening"
    if now.minute == 0:
        if now.hour in (0, 12):
            return Reply("It's midnight." if now.hour == 0 else "It's noon.")
        return Reply(f"It's {hour} o'clock {half}.")
    minute = f"oh {words_for_int(now.minute)}" if now.minute < 10 else words_for_int(now.minute)
    return Reply(f"It's {hour} {minute} {half}.")


def _date(slots: Mapping[str, Slot], context: Context) -> Reply:
    when = str(slots.get("when", "today"))
    if when == "month":
        return Reply(f"It's {context.now:%B}.")
    if when == "year":
        return Reply(f"It's {_year(context.now.year)}.")
    day = context.now + timedelta(days={"tomorrow": 1, "yesterday": -1}.get(when, 0))
    opening = {"tomorrow": "Tomorrow is", "yesterday": "Yesterday was"}.get(when, "It's")
    return Reply(f"{opening} {day:%A}, {day:%B} {ordinal_words(day.day)}, {_year(day.year)}.")


def _year(year: int) -> str:
    century, rest = divmod(year, 100)
    if rest == 0 or year // 10 == 200:
        return words_for_int(year)
    return f"{words_for_int(century)} {'oh ' if rest < 10 else ''}{words_for_int(rest)}"


def _sum(slots: Mapping[str, Slot], _context: Context) -> Reply:
    try:
        return Reply(spoken_sum(slots))
    except SumError as error:
        return Reply(str(error))


def _timer_set(slots: Mapping[str, Slot], context: Context) -> Reply:
    seconds = _seconds(slots)
    if not 0 < seconds <= _MAX_TIMER:
        return Reply("I can set timers of up to two days.")
    if len(context.timers) >= MAX_TIMERS:
        return Reply(f"I can keep {words_for_int(MAX_TIMERS)} timers at once, and they are all running.")
    length = spoken_duration(seconds)
    reminder = str(slots.get("reminder", ""))
    label = str(slots.get("timer_name", "")) or adjective(seconds)
    start = StartTimer(seconds, label, reminder)
    if reminder:
        return Reply(f"Okay, I'll remind you in {length}.", (start,))
    name = f"{label} timer" if "timer_name" in slots else "timer"
    return Reply(f"Okay, {name} set for {length}.", (start,))


def _timer_cancel(slots: Mapping[str, Slot], context: Context) -> Reply:
    found = _matching(slots, context)
    if not context.timers:
        return Reply("There is no timer running.")
    if not found:
        return Reply("There is no such timer.")
    numbers = tuple(timer.number for timer in found)
    if len(found) == 1:
        return Reply(f"Okay, the {found[0].label} timer is cancelled.", (CancelTimers(numbers),))
    if slots.get("which") == "all":
        return Reply(f"Okay, all {words_for_int(len(found))} timers are cancelled.", (CancelTimers(numbers),))
    return Reply(
        f"There are {words_for_int(len(found))} timers: {_list(found)}. Say which one, or all timers."
    )


def _timer_left(slots: Mapping[str, Slot], context: Context) -> Reply:
    found = _matching(slots, context)
    if not context.timers:
        return Reply("There is no timer running.")
    if not found:
        return Reply("There is no such timer.")
    if len(found) == 1:
        return Reply(f"{spoken_duration(round(found[0].left)).capitalize()} left.")
    parts = [f"{spoken_duration(round(timer.left))} on the {timer.label} timer" for timer in found]
    return Reply(f"{_and(parts).capitalize()}.")


def _matching(slots: Mapping[str, Slot], context: Context) -> list[Timer]:
    if "timer_name" in slots:
        return [timer for timer in context.timers if timer.label == slots["timer_name"]]
    if seconds := _seconds(slots):
        return [timer for timer in context.timers if timer.seconds == seconds]
    return list(context.timers)


def _list(timers: list[Timer]) -> str:
    return _and([f"the {timer.label} timer" for timer in timers])


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _seconds(slots: Mapping[str, Slot]) -> int:
    return sum(
        int(slots.get(unit, 0)) * size for unit, size in (("hours", 3600), ("minutes", 60), ("seconds", 1))
    )


def _units(seconds: int) -> list[tuple[int, str]]:
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return [(n, unit) for n, unit in ((hours, "hour"), (minutes, "minute"), (rest, "second")) if n]


def spoken_duration(seconds: int) -> str:
    """3690 is "one hour, one minute and thirty seconds"."""
    parts = [f"{words_for_int(n)} {unit}{'' if n == 1 else 's'}" for n, unit in _units(seconds)]
    return _and(parts) if parts else "less than a second"


def adjective(seconds: int) -> str:
    """300 is "five minute", as in "your five minute timer"."""
    return " ".join(f"{words_for_int(n)} {unit}" for n, unit in _units(seconds))


def ring_text(timer: Timer) -> str:
    """What to say when `timer` is up."""
    if timer.reminder:
        return f"This is your reminder: {timer.reminder}."
    return f"Your {timer.label} timer is done."


def _volume_set(slots: Mapping[str, Slot], _context: Context) -> Reply:
    percent = min(100, int(slots["percent"]))
    return Reply(f"Volume {words_for_int(percent)} percent.", (SetVolume(percent),))


def _volume_up(_slots: Mapping[str, Slot], context: Context) -> Reply:
    if context.volume >= 100:
        return Reply("This is as loud as I can be.")
    percent = min(100, context.volume + VOLUME_STEP)
    return Reply(f"Volume {words_for_int(percent)} percent.", (SetVolume(percent),))


def _volume_down(_slots: Mapping[str, Slot], context: Context) -> Reply:
    if context.volume <= VOLUME_STEP:
        return Reply("This is as quiet as I can be. To silence me, say mute.")
    percent = context.volume - VOLUME_STEP
    return Reply(f"Volume {words_for_int(percent)} percent.", (SetVolume(percent),))


def _volume_get(_slots: Mapping[str, Slot], context: Context) -> Reply:
    return Reply(f"The volume is {words_for_int(context.volume)} percent.")


def _mute(_slots: Mapping[str, Slot], _context: Context) -> Reply:
    return Reply("", (SetVolume(0),))


def _unmute(_slots: Mapping[str, Slot], context: Context) -> Reply:
    return Reply("I'm back.", (SetVolume(context.before_mute),))


def _repeat(slots: Mapping[str, Slot], _context: Context) -> Reply:
    text = str(slots["repeated"])
    return Reply(f"{text[0].upper()}{text[1:]}.")


def _repeat_last(slots: Mapping[str, Slot], context: Context) -> Reply:
    if slots.get("whose") == "bot":
        return Reply(context.last_said or "I haven't said anything yet.")
    if not context.last_heard:
        return Reply("You haven't said anything before that.")
    return Reply(f"You said: {context.last_heard}.")


def _custom(slots: Mapping[str, Slot], _context: Context) -> Reply:
    return Reply(str(slots["reply"]))


def _unavailable(slots: Mapping[str, Slot], _context: Context) -> Reply:
    return Reply(_UNAVAILABLE.get(str(slots.get("what")), "I can't do that here."))


def _coin(_slots: Mapping[str, Slot], context: Context) -> Reply:
    return Reply(context.rng.choice(["Heads.", "Tails."]))


def _dice(_slots: Mapping[str, Slot], context: Context) -> Reply:
    return Reply(f"It's a {words_for_int(context.rng.randint(1, 6))}.")


def _joke(_slots: Mapping[str, Slot], context: Context) -> Reply:
    return Reply(context.rng.choice(_JOKES))


def _always(text: str) -> Callable[[Mapping[str, Slot], Context], Reply]:
    return lambda _slots, _context: Reply(text)


_UNAVAILABLE = {
    "weather": "I can't look up the weather: nothing leaves this machine.",
    "music": "I can't play music.",
    "news": "I can't look up the news: nothing leaves this machine.",
    "messages": "I can't make calls or send messages.",
    "lists": "I don't keep lists or calendars.",
    "timer changes": "I can't change a timer that is running. You can cancel it and set another.",
}
_JOKES = (
    "Why do programmers confuse Halloween and Christmas? Because oct thirty one is dec twenty five.",
    "There are ten kinds of people: those who count in binary, and those who don't.",
    "I would tell you a joke about packets, but you might not get it.",
)
_ANSWERS: Mapping[str, Callable[[Mapping[str, Slot], Context], Reply]] = {
    "Custom": _custom,
    "Time": _time,
    "Date": _date,
    "Sum": _sum,
    "TimerSet": _timer_set,
    "TimerCancel": _timer_cancel,
    "TimerLeft": _timer_left,
    "VolumeSet": _volume_set,
    "VolumeUp": _volume_up,
    "VolumeDown": _volume_down,
    "VolumeGet": _volume_get,
    "Mute": _mute,
    "Unmute": _unmute,
    "Repeat": _repeat,
    "RepeatLast": _repeat_last,
    "Help": _always(
        "I can tell you the time and the date, do sums, set timers, and change the volume. "
        "Try: what is twelve times seven?"
    ),
    "Name": _always("I'm the voice of your gateway. I run on this machine, and need no network."),
    "Hello": _always("Hello! What can I do for you?"),
    "Thanks": _always("You're welcome."),
    "Goodbye": _always("Goodbye."),
    "Stop": _always("Okay."),
    "Coin": _coin,
    "Dice": _dice,
    "Joke": _joke,
    "SmartHome": _always("I'm not connected to a smart home."),
    "Unavailable": _unavailable,
}
