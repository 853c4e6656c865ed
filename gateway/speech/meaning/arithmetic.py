"""Sums of any number of terms, as they are said, with digits: "12 plus 7 times 2". Pure."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

_NUMBER: Final = r"(?:(?:minus|negative) )?\d+(?: point \d+)?"
_OPERATORS: Final = {
    "plus": "plus",
    "minus": "minus",
    "less": "minus",
    "times": "times",
    "multiplied by": "times",
    "divided by": "divided by",
    "over": "divided by",
}
_OPERATOR: Final = "|".join(_OPERATORS)
_CHAIN: Final = re.compile(rf"{_NUMBER}(?: (?:{_OPERATOR}) {_NUMBER})+")
_AROUND: Final = frozenset(
    {
        "what",
        "what's",
        "whats",
        "is",
        "the",
        "a",
        "to",
        "of",
        "answer",
        "result",
        "solution",
        "how",
        "much",
        "many",
        "does",
        "do",
        "can",
        "could",
        "you",
        "will",
        "would",
        "please",
        "tell",
        "me",
        "calculate",
        "compute",
        "work",
        "out",
        "solve",
        "add",
        "up",
        "sum",
        "total",
        "together",
        "i",
        "need",
        "know",
        "want",
        "for",
        "this",
        "math",
        "problem",
        "equal",
        "equals",
        "make",
        "get",
        "if",
        "we",
        "have",
        "and",
        "so",
        "hey",
        "okay",
        "it",
        "find",
        "give",
        "figure",
        "be",
        "comes",
        "come",
        "that",
        "leave",
        "leaves",
        "left",
        "us",
        "quickly",
        "just",
    }
)
_FORMS: Final = (
    (re.compile(rf"\badd (?:up )?({_NUMBER}) (?:to|and|with) ({_NUMBER})"), r"\1 plus \2"),
    (re.compile(rf"\b(?:subtract|take) ({_NUMBER}) (?:away )?from ({_NUMBER})"), r"\2 minus \1"),
    (re.compile(rf"\bmultiply ({_NUMBER}) (?:by|and|with|times) ({_NUMBER})"), r"\1 times \2"),
    (
        re.compile(rf"\b(?:divide|share|split) ({_NUMBER}) (?:by|with|between|among|into) ({_NUMBER})"),
        r"\1 divided by \2",
    ),
    (re.compile(rf"\bdifference (?:between|of) ({_NUMBER}) and ({_NUMBER})"), r"\1 minus \2"),
    (re.compile(rf"({_NUMBER}) (?:shared|split) (?:by|between|among) ({_NUMBER})"), r"\1 divided by \2"),
    (re.compile(rf"({_NUMBER}) percent of ({_NUMBER})"), r"\1 times \2 divided by 100"),
    (re.compile(rf"({_NUMBER}) percent off (?:of )?({_NUMBER})"), r"\2 minus \1 times \2 divided by 100"),
    (re.compile(rf"({_NUMBER}) take away (?={_NUMBER})"), r"\1 minus "),
    (re.compile(rf"({_NUMBER}) (?:add|added to) (?={_NUMBER})"), r"\1 plus "),
)
_PARTS: Final = {
    "half": 2,
    "halves": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
}
_PART: Final = re.compile(rf"\b(\d+|an?) ({'|'.join(_PARTS)})s?\b(?: of(?: the)? ({_NUMBER})\b)?")
_AND_PART: Final = (
    (re.compile(r"\b(\d+) and (?:a|1) half\b"), r"\1 point 5"),
    (re.compile(r"\b(\d+) and (?:a|1) quarter\b"), r"\1 point 25"),
    (re.compile(r"\b(\d+) and 3 quarters\b"), r"\1 point 75"),
)
_GOES_ON: Final = (
    (re.compile(r"^(?:add|and) (?=\d)"), "plus "),
    (re.compile(r"^(?:subtract|take away|take off|deduct) (?=\d)"), "minus "),
    (re.compile(r"^multiply (?:(?:it|that|this) )?by "), "times "),
    (re.compile(r"^divide (?:(?:it|that|this) )?by "), "divided by "),
    (re.compile(r"^(?:double|twice) (?:it|that|this)$"), "times 2"),
    (re.compile(r"^(?:triple|treble) (?:it|that|this)$"), "times 3"),
    (re.compile(r"^(?:half of|halve) (?:it|that|this)$"), "divided by 2"),
)
_LIST: Final = re.compile(rf"\b(?:sum|total|product) of ({_NUMBER}(?:(?: and)? {_NUMBER})+)")


def chain(text: str) -> str | None:
    """The sum in a sentence that asks for it and for nothing else: numbers and operators in turn, or None."""
    for pattern, plain in (*_AND_PART, *_FORMS):
        text = pattern.sub(plain, text)
    whole, text = text, _PART.sub(_divided, text)
    text = _LIST.sub(_listed, text)
    found = list(_CHAIN.finditer(text))
    if len(found) != 1:
        return None
    rest = text[: found[0].start()] + text[found[0].end() :]
    alone = not rest.strip() and _PART.fullmatch(whole) is not None and " of " not in whole  # "two thirds"
    return None if alone or set(rest.split()) - _AROUND else found[0][0]


def _divided(found: re.Match[str]) -> str:
    """A part of a number as a sum: two thirds of nine is "2 times 9 divided by 3"."""
    count = found[1] if found[1].isdigit() else "1"
    of = f" times {found[3]}" if found[3] else ""
    return f"{found[3] if of and count == '1' else count + of} divided by {_PARTS[found[2]]}"


def _listed(found: re.Match[str]) -> str:
    word = " times " if found[0].startswith("product") else " plus "
    return word.join(re.findall(_NUMBER, found[1]))


def continued(text: str) -> str | None:
    """What goes on from the last result: "and times 2" is "times 2"; None for anything else."""
    text = re.sub(r"^(?:and |then |now |and then |please )*", "", text)
    for pattern, plain in _GOES_ON:
        text = pattern.sub(plain, text)
    found = re.fullmatch(
        rf"(?:and |then |what about |how about |now |and then )*((?:(?:{_OPERATOR}) {_NUMBER} ?)+)", text
    )
    return found[1].strip() if found else None


def terms(text: str) -> list[tuple[str, Fraction]]:
    """[("plus", 12), ("times", 2)]: a chain as operators and numbers, the first one added to nothing."""
    pieces = re.findall(rf"(?:({_OPERATOR}) )?({_NUMBER})(?: |$)", text)
    return [(_OPERATORS[operator or "plus"], _value(number)) for operator, number in pieces]


def _value(number: str) -> Fraction:
    plain = re.sub(r"^(?:minus|negative) ", "-", number).replace(" point ", ".")
    return Fraction(plain)


def result(pieces: list[tuple[str, Fraction]]) -> Fraction:
    """The value of a chain, products before sums. Raises ZeroDivisionError."""
    total, product = Fraction(0), Fraction(0)
    for operator, value in pieces:
        if operator == "times":
            product *= value
        elif operator == "divided by":
            product /= value
        else:
            total, product = total + product, value if operator == "plus" else -value
    return total + product
