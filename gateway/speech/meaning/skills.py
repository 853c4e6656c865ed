"""What to say and do about an intent. Pure: the clock, the dice and the state of the call are handed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.speech.meaning import dates
from gateway.speech.meaning.clock import spoken_time
from gateway.speech.meaning.intents import Intent, Slot
from gateway.speech.meaning.numbers import words_for_int
from gateway.speech.meaning.reply import Context, KeepResult, Reply, SetVolume, StopRinging
from gateway.speech.meaning.sums import SumError, spoken_chain, spoken_sum, value_of
from gateway.speech.meaning.timer_skills import (
    ask,
    cancel_it,
    cancel_timers,
    change_timer,
    extend_timer,
    set_alarm,
    set_timer,
    time_left,
)

NOT_UNDERSTOOD = "Sorry, I didn't understand that."
_MOST_ROLLED = 10
VOLUME_STEP = 15  # percent


def answer(intent: Intent, context: Context) -> Reply:
    """The reply to `intent`. Changes nothing: the caller carries out the actions."""
    return _ANSWERS[intent.name](intent.slots, context)


def _time(_slots: Mapping[str, Slot], context: Context) -> Reply:
    return Reply(f"It's {spoken_time(context.now)}.")


def _date(slots: Mapping[str, Slot], context: Context) -> Reply:
    return Reply(dates.told(slots, context.now.date()))


def _sum(slots: Mapping[str, Slot], _context: Context) -> Reply:
    try:
        return Reply(spoken_sum(slots), (KeepResult(value_of(slots)),))
    except SumError as error:
        return Reply(str(error))


def _calculate(slots: Mapping[str, Slot], context: Context) -> Reply:
    goes_on = "goes_on" in slots
    if goes_on and context.result is None:
        return Reply("There is no result to go on from.")
    try:
        text, result = spoken_chain(str(slots["sum"]), context.result if goes_on else None)
    except SumError as error:
        return Reply(str(error))
    return Reply(text, (KeepResult(result),))


def _volume_set(slots: Mapping[str, Slot], _context: Context) -> Reply:
    percent = min(100, int(slots["percent"]))
    return Reply(f"Volume {words_for_int(percent)} percent.", (SetVolume(percent),))


def _volume_up(slots: Mapping[str, Slot], context: Context) -> Reply:
    if context.volume >= 100:
        return Reply("This is as loud as I can be.")
    percent = min(100, context.volume + int(slots.get("by", VOLUME_STEP)))
    return Reply(f"Volume {words_for_int(percent)} percent.", (SetVolume(percent),))


def _volume_down(slots: Mapping[str, Slot], context: Context) -> Reply:
    if context.volume <= VOLUME_STEP:
        return Reply("This is as quiet as I can be. To silence me, say mute.")
    percent = max(VOLUME_STEP, context.volume - int(slots.get("by", VOLUME_STEP)))
    return Reply(f"Volume {words_for_int(percent)} percent.", (SetVolume(percent),))


def _volume_get(_slots: Mapping[str, Slot], context: Context) -> Reply:
    return Reply(f"The volume is {words_for_int(context.volume)} percent.")


def _mute(_slots: Mapping[str, Slot], context: Context) -> Reply:
    """To what rings, "be quiet" says that it was heard: a mute device would keep all that follows to itself."""
    return Reply("", (StopRinging() if any(timer.rings for timer in context.timers) else SetVolume(0),))


def _stop(_slots: Mapping[str, Slot], _context: Context) -> Reply:
    return Reply("Okay.", (StopRinging(),))


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


def _coin(slots: Mapping[str, Slot], context: Context) -> Reply:
    sides = [context.rng.choice(["heads", "tails"]) for _ in range(_count(slots))]
    return Reply(f"{', '.join(sides).capitalize()}.")


def _dice(slots: Mapping[str, Slot], context: Context) -> Reply:
    most = max(2, int(slots.get("sides", 6)))
    rolled = [context.rng.randint(1, most) for _ in range(_count(slots))]
    if len(rolled) == 1:
        return Reply(f"It's a {words_for_int(rolled[0])}.")
    told = ", ".join(map(words_for_int, rolled)).capitalize()
    return Reply(f"{told}: {words_for_int(sum(rolled))} in all.")


def _count(slots: Mapping[str, Slot]) -> int:
    return min(_MOST_ROLLED, max(1, int(slots.get("count", 1))))


def _joke(_slots: Mapping[str, Slot], context: Context) -> Reply:
    return Reply(context.rng.choice(_JOKES))


def _always(text: str) -> Callable[[Mapping[str, Slot], Context], Reply]:
    return lambda _slots, _context: Reply(text)


_UNAVAILABLE = {
    "elsewhere": "I only know the time here.",
    "weather": "I can't look up the weather: nothing leaves this machine.",
    "music": "I can't play music.",
    "news": "I can't look up the news: nothing leaves this machine.",
    "messages": "I can't make calls or send messages.",
    "reminders": "Say what and when: remind me to call mom in ten minutes.",
    "lists": "I don't keep lists or calendars.",
    "timer changes": "I can't pause a timer. You can cancel it and set another.",
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
    "Calculate": _calculate,
    "TimerSet": set_timer,
    "TimerAsk": ask,
    "AlarmSet": set_alarm,
    "TimerChange": change_timer,
    "TimerExtend": extend_timer,
    "TimerCancel": cancel_timers,
    "TimerCancelIt": cancel_it,
    "TimerLeft": time_left,
    "VolumeSet": _volume_set,
    "VolumeUp": _volume_up,
    "VolumeDown": _volume_down,
    "VolumeGet": _volume_get,
    "Mute": _mute,
    "Unmute": _unmute,
    "Repeat": _repeat,
    "RepeatLast": _repeat_last,
    "Help": _always(
        "I can tell you the time and the date, do sums, set timers and alarms, and change the volume. "
        "Try: what is twelve times seven?"
    ),
    "Name": _always("I'm the voice of your gateway. I run on this machine, and need no network."),
    "Hello": _always("Hello! What can I do for you?"),
    "Thanks": _always("You're welcome."),
    "Goodbye": _always("Goodbye."),
    "Stop": _stop,
    "Coin": _coin,
    "Dice": _dice,
    "Joke": _joke,
    "SmartHome": _always("I'm not connected to a smart home."),
    "Unavailable": _unavailable,
}
