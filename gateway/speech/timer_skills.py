"""Talk about timers: setting, cancelling, asking; and how to say a length of time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.speech.intents import Slot
from gateway.speech.numbers import words_for_int
from gateway.speech.reply import CancelTimers, Context, Reply, StartTimer, Timer

MAX_TIMERS = 10
_MAX_TIMER = 48 * 3600


def set_timer(slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to TimerSet."""
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


def cancel_timers(slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to TimerCancel. Several timers need a name, a length, or "all"; without, what rings is meant."""
    found = _matching(slots, context)
    if not slots.keys() - {"which"} and slots.get("which") != "all":
        found = [timer for timer in context.timers if timer.rings][:1] or found
    if not context.timers:
        return Reply("There is no timer running.")
    if not found:
        return Reply("There is no such timer.")
    numbers = tuple(timer.number for timer in found)
    if len(found) == 1:
        return Reply(f"Okay, the {_called(found[0])} is cancelled.", (CancelTimers(numbers),))
    if slots.get("which") == "all":
        return Reply(f"Okay, all {words_for_int(len(found))} timers are cancelled.", (CancelTimers(numbers),))
    return Reply(
        f"There are {words_for_int(len(found))} timers: {_names(found)}. Say which one, or all timers."
    )


def cancel_it(_slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to "cancel it", said of nothing in particular: the timer, where there is one."""
    return cancel_timers({}, context) if context.timers else Reply("Okay.")


def change_timer(slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to "no, ten minutes": the newest timer, or that of a name, is set anew, and is of the same thing."""
    named = [timer for timer in context.timers if _is_called(timer, slots.get("timer_name", timer.label))]
    newest = max(named, key=lambda timer: timer.number, default=None)
    others = tuple(timer for timer in context.timers if timer is not newest)
    if newest is not None and newest.reminder:
        slots = {"reminder": newest.reminder, **slots}
    if newest is not None and newest.label != adjective(newest.seconds):
        slots = {"timer_name": newest.label, **slots}
    reply = set_timer(slots, replace(context, timers=others))
    if newest is None or not reply.actions:
        return reply
    return Reply(reply.text, (CancelTimers((newest.number,)), *reply.actions))


def time_left(slots: Mapping[str, Slot], context: Context) -> Reply:
    """The answer to TimerLeft."""
    running = tuple(timer for timer in context.timers if not timer.rings)
    found = _matching(slots, replace(context, timers=running or context.timers))
    if not context.timers:
        return Reply("There is no timer running.")
    if not found:
        return Reply("There is no such timer.")
    if len(found) == 1:
        return Reply(f"{spoken_duration(round(found[0].left)).capitalize()} left.")
    parts = [f"{spoken_duration(round(timer.left))} on the {_called(timer)}" for timer in found]
    return Reply(f"{_and(parts).capitalize()}.")


def _matching(slots: Mapping[str, Slot], context: Context) -> list[Timer]:
    if "last" in {slots.get("which"), slots.get("timer_name")}:
        return [max(context.timers, key=lambda timer: timer.number)] if context.timers else []
    if "timer_name" in slots:
        return [timer for timer in context.timers if _is_called(timer, slots["timer_name"])]
    if seconds := _seconds(slots):
        return [timer for timer in context.timers if timer.seconds == seconds]
    return list(context.timers)


def _names(timers: list[Timer]) -> str:
    return _and([f"the {_called(timer)}" for timer in timers])


def _called(timer: Timer) -> str:
    kind = "reminder" if timer.reminder else "timer"
    return timer.label if timer.label in {"alarm", "reminder"} else f"{timer.label} {kind}"


def _is_called(timer: Timer, name: Slot) -> bool:
    """Eggs are in the egg timer."""
    if name == "reminder":
        return bool(timer.reminder)
    return timer.label.removesuffix("s") == str(name).removesuffix("s")


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
