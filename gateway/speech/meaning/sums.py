"""Exact arithmetic on what was heard, and the sentence that says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import isqrt, sqrt

from gateway.speech.meaning.arithmetic import result, terms
from gateway.speech.meaning.intents import Slot
from gateway.speech.meaning.numbers import words_for_number

_LIMIT = 10**15  # what a person can still follow by ear
_MAX_EXPONENT = 64


class SumError(ValueError):
    """A sum without an answer; its text is the sentence that says so."""


def spoken_sum(slots: Mapping[str, Slot]) -> str:
    """The answer to a Sum intent, as a sentence: "Twelve times seven is eighty four.".

    Takes the intent's slots: `operator`, `a`, maybe `b`, their `_sign` and `_decimals`.
    Raises SumError with a sentence to say instead.
    """
    operator = str(slots["operator"])
    a = _operand(slots, "a")
    if operator == "root":
        return f"The square root of {words_for_number(a)} is {_root(a)}."
    b = _operand(slots, "b")
    value = _OPERATIONS[operator](a, b)
    if abs(value) >= _LIMIT:
        raise SumError("That number is too long to say.")
    question = f"{words_for_number(a)} {_spoken(operator, b)}"
    return f"{question[0].upper()}{question[1:]} is {words_for_number(value)}."


def value_of(slots: Mapping[str, Slot]) -> Fraction:
    """What a Sum intent comes to; a root as nearly as a computer has it. Raises SumError where it has no answer."""
    operator, a = str(slots["operator"]), _operand(slots, "a")
    return Fraction(sqrt(a)) if operator == "root" else _OPERATIONS[operator](a, _operand(slots, "b"))


def spoken_chain(text: str, before: Fraction | None = None) -> tuple[str, Fraction]:
    """(the answer to a sum of any number of terms as a sentence, its value); it may go on from `before`.

    Raises SumError with a sentence to say instead.
    """
    pieces = terms(text)
    asked = [f"{operator} {words_for_number(value)}" for operator, value in pieces]
    if before is None:
        asked[0] = words_for_number(pieces[0][1])
    else:
        pieces, asked = [("plus", before), *pieces], [words_for_number(before), *asked]
    try:
        value = result(pieces)
    except ZeroDivisionError:
        raise SumError("Nothing can be divided by zero.") from None
    if abs(value) >= _LIMIT or any(abs(term) >= _LIMIT for _, term in pieces):
        raise SumError("That number is too long to say.")
    question = " ".join(asked)
    return f"{question[0].upper()}{question[1:]} is {words_for_number(value)}.", value


def _spoken(operator: str, b: Fraction) -> str:
    if operator == "to the power of" and b in (2, 3):
        return "squared" if b == 2 else "cubed"
    return f"{operator} {words_for_number(b)}"


def _operand(slots: Mapping[str, Slot], name: str) -> Fraction:
    value = Fraction(f"{slots[name]}.{slots.get(f'{name}_decimals', 0)}")
    return -value if slots.get(f"{name}_sign") else value


def _divide(a: Fraction, b: Fraction) -> Fraction:
    if b == 0:
        raise SumError("Nothing can be divided by zero.")
    return a / b


def _power(a: Fraction, b: Fraction) -> Fraction:
    if b.denominator != 1 or not 0 <= b <= _MAX_EXPONENT or abs(a) > _LIMIT:
        raise SumError("That power is too much for me.")
    return Fraction(a ** int(b))


def _root(value: Fraction) -> str:
    if value < 0:
        raise SumError("A negative number has no square root that I could say.")
    whole = isqrt(int(value))
    return words_for_number(Fraction(whole) if whole * whole == value else Fraction(sqrt(value)))


_OPERATIONS: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "plus": lambda a, b: a + b,
    "minus": lambda a, b: a - b,
    "times": lambda a, b: a * b,
    "divided by": _divide,
    "percent of": lambda a, b: a * b / 100,
    "to the power of": _power,
}
