from __future__ import annotations

import pytest

from gateway.media.earshot import WINDOW_SECONDS, Earshot


@pytest.fixture
def earshot() -> Earshot:
    found = Earshot()
    found.listening = 2
    return found


def test_who_hears_the_word_best_answers_whoever_was_first(earshot: Earshot) -> None:
    far, near = earshot.claim("okay nabu", 12.0, 0.0), earshot.claim("okay nabu", 25.0, 0.2)
    later = 0.2 + WINDOW_SECONDS
    assert (earshot.won(far, later), earshot.won(near, later)) == (False, True)


def test_while_others_may_still_claim_nobody_has_won(earshot: Earshot) -> None:
    claim = earshot.claim("okay nabu", 12.0, 0.0)
    assert earshot.won(claim, WINDOW_SECONDS / 2) is None
    assert earshot.won(claim, WINDOW_SECONDS) is True


def test_one_that_is_alone_waits_for_nobody(earshot: Earshot) -> None:
    earshot.listening = 1
    assert earshot.won(earshot.claim("okay nabu", 12.0, 0.0), 0.0) is True


def test_of_two_that_hear_it_alike_one_answers(earshot: Earshot) -> None:
    claims = [earshot.claim("okay nabu", 12.0, at) for at in (0.0, 0.1)]
    assert [earshot.won(claim, 1.0) for claim in claims] == [True, False]


@pytest.mark.parametrize(("word", "at"), [("alexa", 0.1), ("okay nabu", 2.0)])
def test_another_word_or_another_time_is_no_rival(earshot: Earshot, word: str, at: float) -> None:
    one = earshot.claim("okay nabu", 12.0, 0.0)
    earshot.claim(word, 25.0, at)
    assert earshot.won(one, at + WINDOW_SECONDS) is True
