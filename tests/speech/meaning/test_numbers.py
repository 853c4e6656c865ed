from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.speech.meaning.numbers import (
    digits_for_words,
    digits_in_template,
    ordinal_words,
    words_for_int,
    words_for_number,
)


@given(st.integers(min_value=0, max_value=999_999_999))
def test_a_number_in_words_comes_back_as_digits(value: int) -> None:
    assert digits_for_words(words_for_int(value)) == str(value)


@given(st.text(max_size=200))
def test_any_text_gives_lower_case_words_and_single_spaces(text: str) -> None:
    assert "  " not in digits_for_words(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What's twenty-three * 1,000?", "what's 23 times 1000"),
        ("12*7", "12 times 7"),
        ("12 / 4", "12 divided by 4"),
        ("fifty%", "50 percent"),
        ("a hundred and five", "105"),
        ("one hundred thousand and three", "100003"),
        ("two point oh five", "2 point 05"),
        ("2.50", "2 point 50"),
        ("minus five", "minus 5"),
        ("one two three", "1 2 3"),
        ("a timer for a minute", "a timer for a minute"),
        ("It's seven pm!", "it's 7 pm"),
        ("", ""),
    ],
)
def test_words_and_symbols_become_digits(text: str, expected: str) -> None:
    assert digits_for_words(text) == expected


def test_a_template_keeps_its_slots_and_rules() -> None:
    assert digits_in_template("<sum> one more {one_hour:hours} (two|three) hour") == (
        "<sum> 1 more {one_hour:hours} (2|3) hour"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Fraction(84), "eighty four"),
        (Fraction(-84), "minus eighty four"),
        (Fraction(5, 2), "two point five"),
        (Fraction(1, 3), "about zero point three three three"),
        (Fraction(1, 20), "zero point zero five"),
        (Fraction(1100), "one thousand one hundred"),
    ],
)
def test_a_number_is_said_as_people_say_it(value: Fraction, expected: str) -> None:
    assert words_for_number(value) == expected


def test_ordinals_have_no_hyphen() -> None:
    assert ordinal_words(21) == "twenty first"
