"""Talk about timers and alarms: setting, cancelling, asking; and how to say a length of time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from gateway.speech.meaning.clock import moment, spoken_day, spoken_time
from gateway.speech.meaning.intents import Slot
from gateway.speech.meaning.numbers import words_for_int
from gateway.speech.meaning.reply import CancelTimers, Context, Reply, StartTimer, Timer

MAX_TIMERS = 10
_MAX_TIMER = 48 * 3600
_FIRST = ("first", "second", "third")
_SHORTEST, _LONGEST = {"shortest", "shorter"}, {"longest", "longer"}
_NONE = "There is no such timer."
_FULL = f"I can keep {words_for_int(MAX_TIMERS)} timers at once, and they are all running."


def set_timer(slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to TimerSet."""
    seconds = _seconds(slots)
    if not 0 < seconds <= _MAX_TIMER:
        return Reply("I can set timers of up to two days.")
    if len(context.timers) >= MAX_TIMERS:
        return Reply(_FULL)
    length = spoken_duration(seconds)
    reminder = str(slots.get("reminder", ""))
    label = str(slots.get("timer_name", "")) or adjective(seconds)
    start = StartTimer(seconds, label, reminder)
    if reminder:
        return Reply(f"Okay, I'll remind you in {length}.", (start,))
    name = f"{label} timer" if "timer_name" in slots else "timer"
    return Reply(f"Okay, {name} set for {length}.", (start,))


def ask(slots: Mapping[str, Slot], _context: Context) -> Reply:
    """The answer to TimerAsk, which lacks the time."""
    if "reminder" in slots:
        return Reply("At what time?" if slots.get("day") or slots.get("half") else "When?")
    return Reply("For what time?" if slots.get("what") == "alarm" else "For how long?")


def set_alarm(slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to AlarmSet: a time of day, of an alarm or a reminder."""
    at = moment(slots, context.now)
    if at is None:
        return Reply("That time has passed.")
    before = [timer for timer in context.timers if timer.label == "alarm" and "instead" in slots]
    if len(before) > 1:
        return Reply(f"There are {words_for_int(len(before))} alarms. Cancel one, and set another.")
    if len(context.timers) - len(before) >= MAX_TIMERS:
        return Reply(_FULL)
    reminder = str(slots.get("reminder", ""))
    when = f"{spoken_time(at)}{spoken_day(at, context.now)}"
    seconds = max(1, round((at - context.now).total_seconds()))
    local = at.replace(tzinfo=None).isoformat(timespec="minutes")
    start = StartTimer(seconds, "reminder" if reminder else "alarm", reminder, local)
    text = f"Okay, I'll remind you at {when}." if reminder else f"Okay, alarm set for {when}."
    return Reply(text, (start, *(CancelTimers((timer.number,)) for timer in before)))


def cancel_timers(slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to TimerCancel. Several timers need a name, a length, or "all"; without, what rings is meant."""
    found = _matching(slots, context)
    if not slots.keys() - {"which"} and slots.get("which") != "all":
        found = [timer for timer in context.timers if timer.rings][:1] or found
    if not context.timers:
        return Reply("There is no timer running.")
    if not found:
        return Reply(_NONE)
    numbers = tuple(timer.number for timer in found)
    if len(found) == 1:
        return Reply(f"Okay, the {_called(found[0])} is cancelled.", (CancelTimers(numbers),))
    if slots.get("which") == "all":
        return Reply(f"Okay, all {words_for_int(len(found))} timers are cancelled.", (CancelTimers(numbers),))
    if len({_called(timer) for timer in found}) == 1:
        return Reply(
            f"There are {words_for_int(len(found))} of them. Say the first, the last, or all timers."
        )
    return Reply(
        f"There are {words_for_int(len(found))} timers: {_names(found)}. Say which one, or all timers."
    )


def cancel_it(slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to "cancel it", said of nothing in particular: the timer, where there is one; or to "cancel all"."""
    return cancel_timers(slots, context) if context.timers else Reply("Okay.")


def change_timer(slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to "no, ten minutes": the newest timer, or that of a name, is set anew, and is of the same thing."""
    named = [timer for timer in context.timers if _is_called(timer, slots.get("timer_name", timer.label))]
    newest = max(named, key=lambda timer: timer.number, default=None)
    others = tuple(timer for timer in context.timers if timer is not newest)
    if newest is not None and newest.reminder:
        slots = {"reminder": newest.reminder, **slots}
    if newest is not None and not _of_length(newest):
        slots = {"timer_name": newest.label, **slots}
    reply = set_timer(slots, replace(context, timers=others))
    if newest is None or not reply.actions:
        return reply
    return Reply(reply.text, (CancelTimers((newest.number,)), *reply.actions))


def extend_timer(slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to TimerExtend: so much longer, or shorter, than there is left."""
    running = replace(context, timers=tuple(timer for timer in context.timers if not timer.rings))
    found = _matching({k: v for k, v in slots.items() if k == "timer_name"}, running)
    if not running.timers:
        return Reply("There is no timer running.")
    if len(found) != 1:
        return Reply(f"There are {words_for_int(len(found))} timers: {_names(found)}." if found else _NONE)
    (timer,) = found
    if timer.label in {"alarm", "reminder"}:
        return Reply(f"I can't change the {timer.label}. You can cancel it and set another.")
    more = -_seconds(slots) if "shorter" in slots else _seconds(slots)
    left = round(timer.left) + more
    if not 0 < left <= _MAX_TIMER:
        return Reply("It has less than that left." if left <= 0 else "I can set timers of up to two days.")
    label = adjective(timer.seconds + more) if _of_length(timer) else timer.label
    return Reply(
        f"Okay, {spoken_duration(left)} left.",
        (StartTimer(left, label, timer.reminder), CancelTimers((timer.number,))),
    )


def time_left(slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to TimerLeft."""
    running = tuple(timer for timer in context.timers if not timer.rings)
    found = _matching(slots, replace(context, timers=running or context.timers))
    if not context.timers:
        return Reply("There is no timer running.")
    if len(found) == 1 and not found[0].reminder and found[0].label != "alarm":
        return Reply(f"{spoken_duration(round(found[0].left)).capitalize()} left.")
    told = _and([_left(timer, context) for timer in found or running])
    told = f"{told[0].upper()}{told[1:]}."
    return Reply(told if found else f"{_NONE} {told}")


def _left(timer: Timer, context: Context) -> str:
    if timer.label == "alarm":
        at = context.now + timedelta(seconds=round(timer.left))
        return f"the alarm is set for {spoken_time(at)}{spoken_day(at, context.now)}"
    left = spoken_duration(round(timer.left))
    return (
        f"{left} until your reminder, {timer.reminder}"
        if timer.reminder
        else f"{left} on the {_called(timer)}"
    )


def _matching(slots: Mapping[str, Slot], context: Context) -> list[Timer]:
    name = str(slots.get("timer_name", slots.get("which", "")))
    if context.timers and (which := _ordinal(name, context.timers)) is not None:
        return which
    if "timer_name" in slots:
        return [timer for timer in context.timers if _is_called(timer, slots["timer_name"])]
    if seconds := _seconds(slots):
        return [t for t in context.timers if t.seconds == seconds or t.label == adjective(seconds)]
    return list(context.timers)


def _ordinal(name: str, timers: Sequence[Timer]) -> list[Timer] | None:
    """Which of several is meant by its place; None where no place is said."""
    by_age = sorted(timers, key=lambda timer: timer.number)
    by_left = sorted(timers, key=lambda timer: timer.left)
    if name in _FIRST:
        return by_age[_FIRST.index(name) :][:1]
    if name in {"last", "latest", "newest"}:
        return by_age[-1:]
    return by_left[:1] if name in _SHORTEST else by_left[-1:] if name in _LONGEST else None


def _names(timers: list[Timer]) -> str:
    return _and([f"the {_called(timer)}" for timer in timers])


def _called(timer: Timer) -> str:
    kind = "reminder" if timer.reminder else "timer"
    return timer.label if timer.label in {"alarm", "reminder"} else f"{timer.label} {kind}"


def _is_called(timer: Timer, name: Slot) -> bool:
    """Eggs are in the egg timer."""
    if name in {"reminder", "reminders"}:
        return bool(timer.reminder)
    return timer.label.removesuffix("s") == str(name).removesuffix("s")


def _of_length(timer: Timer) -> bool:
    """Whether it is called by its length."""
    return timer.label.endswith(("hour", "minute", "second"))


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
    return f"Your {_called(timer)} is done."
