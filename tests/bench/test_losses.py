from __future__ import annotations

import pytest

from bench.losses import Heard

HEARD = Heard(
    {"clean": [1, 0, 0, 1], "5-up": [1, 2, 1, 1], "5-down": [3, 0, 1, 1], "10-up": [9, 9, 9, 9]}, [10] * 4
)


def test_the_rise_is_the_mean_of_its_conditions_less_what_is_wrong_anyway() -> None:
    rise, (low, high) = HEARD.rise("5-")
    assert rise == pytest.approx(0.075)
    assert 0 < low < rise < high < 0.15


def test_where_every_sentence_loses_alike_the_interval_is_a_point() -> None:
    heard = Heard({"clean": [0, 0], "5-up": [1, 1]}, [10, 10])
    assert heard.rise("5-") == (0.1, [0.1, 0.1])


def test_word_errors_are_shares_of_all_words() -> None:
    assert HEARD.shares()["clean"] == pytest.approx(0.05)
