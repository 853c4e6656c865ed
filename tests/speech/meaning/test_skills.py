import random
from datetime import UTC, datetime

import pytest

from gateway.speech.meaning.intents import Intent, Recogniser
from gateway.speech.meaning.reply import CancelTimers, Context, SetVolume, StartTimer, StopRinging, Timer
from gateway.speech.meaning.skills import answer
from gateway.speech.meaning.timer_skills import spoken_duration

_NOW = datetime(2026, 11, 20, 15, 5, tzinfo=UTC)
_RNG = random.Random(0)  # noqa: S311 - dice
_PASTA = Timer(1, "pasta", 720, 599.6)
_TEA = Timer(2, "five minute", 300, 61.0)


def _context(now: datetime = _NOW, **more: object) -> Context:
    return Context(now=now, rng=_RNG, **more)  # type: ignore[arg-type]


def _say(recogniser: Recogniser, text: str, context: Context | None = None) -> str:
    intent = recogniser.recognise(text)
    assert intent is not None
    return answer(intent, context or _context()).text


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [
        (15, 5, "It's three oh five in the afternoon."),
        (0, 0, "It's midnight."),
        (12, 0, "It's noon."),
        (9, 0, "It's nine o'clock in the morning."),
        (0, 30, "It's twelve thirty in the morning."),
        (23, 59, "It's eleven fifty nine in the evening."),
    ],
)
def test_the_time_is_told(hour: int, minute: int, expected: str) -> None:
    now = _NOW.replace(hour=hour, minute=minute)
    assert answer(Intent("Time"), _context(now)).text == expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("today", "It's Friday, November twentieth, twenty twenty six."),
        ("tomorrow", "Tomorrow is Saturday, November twenty first, twenty twenty six."),
        ("yesterday", "Yesterday was Thursday, November nineteenth, twenty twenty six."),
        ("month", "It's November."),
        ("year", "It's twenty twenty six."),
    ],
)
def test_the_date_is_told(when: str, expected: str) -> None:
    assert answer(Intent("Date", {"when": when}), _context()).text == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("what is twelve times seven", "Twelve times seven is eighty four."),
        ("what's two plus two", "Two plus two is four."),
        ("five minus nine", "Five minus nine is minus four."),
        ("what is ten divided by four", "Ten divided by four is two point five."),
        (
            "what is one divided by three",
            "One divided by three is about zero point three three three.",
        ),
        ("what is one divided by zero", "Nothing can be divided by zero."),
        ("what is twenty percent of fifty", "Twenty percent of fifty is ten."),
        ("what's eleven squared", "Eleven squared is one hundred and twenty one."),
        ("what is the square root of sixteen", "The square root of sixteen is four."),
        ("what is the square root of two", "The square root of two is about one point four one four."),
        ("what is 0.1 plus 0.2", "Zero point one plus zero point two is zero point three."),
        ("what is minus five plus three", "Minus five plus three is minus two."),
        ("what is nine to the power of ninety", "That power is too much for me."),
        ("what is half of ninety", "Ninety divided by two is forty five."),
        ("subtract three from ten", "Ten minus three is seven."),
    ],
)
def test_sums_are_exact(recogniser: Recogniser, question: str, expected: str) -> None:
    assert _say(recogniser, question) == expected


def test_a_timer_is_set(recogniser: Recogniser) -> None:
    intent = recogniser.recognise("set a timer for five minutes")
    assert intent is not None
    reply = answer(intent, _context())
    assert reply.text == "Okay, timer set for five minutes."
    assert reply.actions == (StartTimer(300, "five minute"),)


def test_a_timer_of_no_length_is_refused() -> None:
    reply = answer(Intent("TimerSet", {"hours": 48, "minutes": 600}), _context())
    assert reply.actions == ()


def test_an_eleventh_timer_is_refused() -> None:
    reply = answer(Intent("TimerSet", {"minutes": 1}), _context(timers=(_TEA,) * 10))
    assert reply.actions == ()


def test_the_only_timer_is_cancelled_by_any_name() -> None:
    reply = answer(Intent("TimerCancel"), _context(timers=(_TEA,)))
    assert reply.actions == (CancelTimers((2,)),)


def test_of_several_timers_one_has_to_be_named() -> None:
    assert answer(Intent("TimerCancel"), _context(timers=(_PASTA, _TEA))).actions == ()


@pytest.mark.parametrize(
    ("slots", "numbers"),
    [
        *(({"timer_name": "pasta"}, (1,)), ({"timer_name": "pastas"}, (1,)), ({"timer_name": "last"}, (2,))),
        *(({"minutes": 5}, (2,)), ({"which": "all"}, (1, 2))),
    ],
)
def test_a_named_timer_is_cancelled(slots: dict[str, str | int], numbers: tuple[int, ...]) -> None:
    reply = answer(Intent("TimerCancel", slots), _context(timers=(_PASTA, _TEA)))
    assert reply.actions == (CancelTimers(numbers),)


@pytest.mark.parametrize(
    "intent", [Intent("TimerCancel"), Intent("TimerCancel", {"which": "last"}), Intent("TimerCancelIt")]
)
def test_where_one_rings_it_is_that_which_is_meant(intent: Intent) -> None:
    eggs = Timer(3, "egg", 60, 0.0, rings=True)
    reply = answer(intent, _context(timers=(eggs, _PASTA, Timer(4, "tea", 60, 60.0))))
    assert (reply.text, reply.actions) == ("Okay, the egg timer is cancelled.", (CancelTimers((3,)),))


def test_a_name_says_more_than_that_another_rings() -> None:
    timers = (Timer(3, "egg", 60, 0.0, rings=True), _PASTA)
    reply = answer(Intent("TimerCancel", {"timer_name": "pasta"}), _context(timers=timers))
    assert reply.actions == (CancelTimers((1,)),)


def test_what_rings_is_none_of_those_that_run() -> None:
    timers = (Timer(3, "egg", 60, 0.0, rings=True), _PASTA)
    assert answer(Intent("TimerLeft"), _context(timers=timers)).text == "Ten minutes left."


def test_be_quiet_is_said_to_what_rings() -> None:
    ringing = Timer(3, "egg", 60, 0.0, rings=True)
    assert answer(Intent("Mute"), _context(timers=(ringing, _PASTA))).actions == (StopRinging(),)
    assert answer(Intent("Mute"), _context(timers=(_PASTA,))).actions == (SetVolume(0),)


def test_the_time_left_is_told() -> None:
    reply = answer(Intent("TimerLeft"), _context(timers=(_PASTA, _TEA)))
    assert reply.text == (
        "Ten minutes on the pasta timer and one minute and one second on the five minute timer."
    )


def test_a_timer_that_is_changed_is_still_of_the_same_thing() -> None:
    reminding, eggs = Timer(1, "ten minute", 600, 500.0, "call my sister"), Timer(2, "egg", 300, 200.0)
    change = Intent("TimerChange", {"minutes": 20})
    assert answer(change, _context(timers=(reminding,))).actions == (
        CancelTimers((1,)),
        StartTimer(1_200, "twenty minute", "call my sister"),
    )
    assert answer(change, _context(timers=(eggs,))).actions == (
        CancelTimers((2,)),
        StartTimer(1_200, "egg", ""),
    )


def test_of_several_the_one_that_is_named_is_changed() -> None:
    change = Intent("TimerChange", {"minutes": 20, "timer_name": "pasta"})
    reply = answer(change, _context(timers=(_PASTA, _TEA)))
    assert reply.actions == (CancelTimers((1,)), StartTimer(1_200, "pasta", ""))


def test_a_reminder_is_cancelled_as_one() -> None:
    reminder = Timer(3, "ten minute", 600, 500.0, "call my sister")
    reply = answer(Intent("TimerCancel", {"timer_name": "reminder"}), _context(timers=(_PASTA, reminder)))
    assert (reply.text, reply.actions) == (
        "Okay, the ten minute reminder is cancelled.",
        (CancelTimers((3,)),),
    )


def test_without_a_timer_there_is_nothing_left() -> None:
    assert answer(Intent("TimerLeft"), _context()).text == "There is no timer running."


@pytest.mark.parametrize(
    ("intent", "volume", "actions"),
    [
        (Intent("VolumeSet", {"percent": 50}), 70, (SetVolume(50),)),
        (Intent("VolumeUp"), 70, (SetVolume(85),)),
        (Intent("VolumeUp"), 95, (SetVolume(100),)),
        (Intent("VolumeUp"), 100, ()),
        (Intent("VolumeDown"), 70, (SetVolume(55),)),
        (Intent("VolumeDown"), 10, ()),
        (Intent("VolumeUp", {"by": 20}), 70, (SetVolume(90),)),
        (Intent("VolumeDown", {"by": 30}), 70, (SetVolume(40),)),
        (Intent("VolumeDown", {"by": 90}), 70, (SetVolume(15),)),
        (Intent("Mute"), 70, (SetVolume(0),)),
        (Intent("Unmute"), 0, (SetVolume(40),)),
    ],
)
def test_the_volume_changes(intent: Intent, volume: int, actions: tuple[SetVolume, ...]) -> None:
    assert answer(intent, _context(volume=volume, before_mute=40)).actions == actions


def test_it_repeats_what_it_heard() -> None:
    reply = answer(Intent("RepeatLast"), _context(last_heard="what time is it"))
    assert reply.text == "You said: what time is it."


def test_it_repeats_what_it_said() -> None:
    assert answer(Intent("RepeatLast", {"whose": "bot"}), _context(last_said="Ahoy.")).text == "Ahoy."


def test_every_intent_of_the_book_has_an_answer(recogniser: Recogniser) -> None:
    slots: dict[str, str | int] = {"when": "today", "operator": "plus", "a": 1, "b": 2, "percent": 5}
    slots |= {"repeated": "hi", "reply": "x"}
    for name in recogniser.names:
        answer(Intent(name, slots), _context())


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "less than a second"),
        (1, "one second"),
        (3600, "one hour"),
        (3690, "one hour, one minute and thirty seconds"),
    ],
)
def test_a_duration_is_said(seconds: int, expected: str) -> None:
    assert spoken_duration(seconds) == expected
