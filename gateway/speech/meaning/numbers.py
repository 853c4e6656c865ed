"""Numbers in English, both ways: spoken words to digits, and digits to words that sound right."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from num2words import num2words

_ONES = tuple(str(num2words(n)) for n in range(20))
_TENS = tuple(str(num2words(n)) for n in range(20, 100, 10))
_SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_UNITS = {word: value for value, word in enumerate(_ONES)}
_TENS_VALUES = {word: value for value, word in zip(range(20, 100, 10), _TENS, strict=True)}
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|[0-9]{1,18}")
_DIGITS = frozenset("0123456789")
_LITERAL = re.compile(r"<[^>]*>|\{[^}]*\}|[A-Za-z' ]+")
_SYMBOLS = (
    (re.compile(r"(?<=\d),(?=\d{3})"), ""),
    (re.compile(r"(?<=\d)\.(?=\d)"), " point "),
    (re.compile(r"(?<=[a-z])-(?=[a-z])"), " "),
    (re.compile(r"\s*%"), " percent "),
    (re.compile(r"\s*[*×]\s*|(?<=\d)\s*x\s*(?=\d)"), " times "),  # noqa: RUF001
    (re.compile(r"\s*÷\s*|(?<=\d)\s*/\s*(?=\d)"), " divided by "),
    (re.compile(r"(?<=\d)\s*\+\s*(?=\d)"), " plus "),
    (re.compile(r"(?<=\d)\s*[-−–]\s*(?=\d)"), " minus "),  # noqa: RUF001 - people paste these signs
    (re.compile(r"(?<=\d)\s*²"), " squared"),
    (re.compile(r"(?<!\w)[-−](?=\d)"), "minus "),  # noqa: RUF001
    (re.compile(r"’"), "'"),  # noqa: RUF001
)


def digits_for_words(text: str) -> str:
    """Rewrite every number in `text`, spelled or symbolic, as plain digits.

    Takes any English text; gives lower case, single spaces, no punctuation but apostrophes.
    "What's twenty-three * 1,000?" becomes "what's 23 times 1000"; "two point oh five" becomes "2 point 05".
    """
    lowered = text.lower()
    for pattern, replacement in _SYMBOLS:
        lowered = pattern.sub(replacement, lowered)
    tokens = _TOKEN.findall(lowered)
    out: list[str] = []
    at = 0
    while at < len(tokens):
        at, word = _fraction_digits(tokens, at) if out and out[-1] == "point" else _cardinal(tokens, at)
        out.append(word)
    return " ".join(out)


def digits_in_template(template: str) -> str:
    """`template` (hassil's language) with the numbers of its literal text as digits; slots and rules stay."""

    def convert(found: re.Match[str]) -> str:
        text = found.group()
        if text[0] in "<{" or not text.strip():
            return text
        lead, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        return lead + digits_for_words(text) + tail

    return _LITERAL.sub(convert, template)


def _fraction_digits(tokens: list[str], at: int) -> tuple[int, str]:
    """The digits after "point": "oh five" is "05", "twenty five" is "25"."""
    digits = ""
    while at < len(tokens) and (digit := _single_digit(tokens[at])) is not None:
        digits += digit
        at += 1
    return (at, digits) if digits else _cardinal(tokens, at)


def _single_digit(token: str) -> str | None:
    if token in ("oh", "o"):
        return "0"
    if token[0] in _DIGITS:
        return token
    value = _UNITS.get(token)
    return str(value) if value is not None and value < 10 else None


def _cardinal(tokens: list[str], at: int) -> tuple[int, str]:
    """The longest cardinal that starts at `at`, as digits; else the token itself."""
    total, end = 0, at
    while (group := _below_thousand(tokens, end)) is not None:
        value, after = group
        scale = _SCALES.get(tokens[after]) if after < len(tokens) else None
        if scale is None:
            return after, str(total + value)
        total += value * scale
        end = after + 1
        follow = end + 1 if end < len(tokens) and tokens[end] == "and" else end
        if _below_thousand(tokens, follow) is None:
            return end, str(total)
        end = follow
    return at + 1, tokens[at]


def _below_thousand(tokens: list[str], at: int) -> tuple[int, int] | None:
    """A group such as "three hundred and five": (value, index after it), or None."""
    if at >= len(tokens):
        return None
    if tokens[at][0] in _DIGITS:
        return int(tokens[at]), at + 1
    if tokens[at] == "a" and tokens[at + 1 : at + 2] in (["hundred"], ["thousand"], ["million"]):
        head: tuple[int, int] | None = (1, at + 1)
    else:
        head = _below_hundred(tokens, at)
    if head is None or tokens[head[1] : head[1] + 1] != ["hundred"]:
        return head
    value, after = head[0] * 100, head[1] + 1
    follow = after + 1 if tokens[after : after + 1] == ["and"] else after
    tail = _below_hundred(tokens, follow)
    return (value, after) if tail is None else (value + tail[0], tail[1])


def _below_hundred(tokens: list[str], at: int) -> tuple[int, int] | None:
    if at >= len(tokens):
        return None
    token = tokens[at]
    if token in _UNITS:
        return _UNITS[token], at + 1
    if token not in _TENS_VALUES:
        return None
    unit = _UNITS.get(tokens[at + 1], 0) if at + 1 < len(tokens) else 0
    return (_TENS_VALUES[token] + unit, at + 2) if 0 < unit < 10 else (_TENS_VALUES[token], at + 1)


def words_for_int(value: int) -> str:
    """`value` in words as a person says it: 84 is "eighty four", -3 is "minus three"."""
    words = str(num2words(abs(value))).replace("-", " ").replace(",", "")
    return f"minus {words}" if value < 0 else words


def words_for_number(value: Fraction, *, places: int = 3) -> str:
    """`value` in words, rounded half-even to `places` decimals, and "about" if that lost anything."""
    rounded = round(value, places)
    text = format(Decimal(rounded.numerator) / Decimal(rounded.denominator), "f")
    whole, _, decimals = text.lstrip("-").partition(".")
    spoken = words_for_int(int(whole))
    if decimals := decimals.rstrip("0"):
        spoken += " point " + " ".join(_ONES[int(digit)] for digit in decimals)
    sign = "minus " if rounded < 0 else ""
    return f"{'' if rounded == value else 'about '}{sign}{spoken}"


def ordinal_words(value: int) -> str:
    """`value` as an ordinal in words: 21 is "twenty first"."""
    return str(num2words(value, to="ordinal")).replace("-", " ")
