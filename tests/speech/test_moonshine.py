import math
import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.speech.flite import Flite
from gateway.speech.moonshine import Moonshine, Search, folder, spoken, vocabulary

_NOTHING = -30.0
_END = 2


@pytest.fixture(scope="module")
def model() -> Moonshine:
    files = folder()
    assert files is not None, "moonshine-voice is not installed, or is a release without its model"
    return Moonshine(files)


def _sound(pcm: bytes) -> NDArray[np.float32]:
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)


def test_a_sentence_is_heard(model: Moonshine) -> None:
    best, *_ = model.hear(_sound(Flite("cmu_us_slt").speak("put seven minutes on the timer")))
    assert best.words == "put seven minutes on the timer"
    assert best.likely > 0.7


@pytest.mark.parametrize("seconds", [9.2, 9.3, 11.9])
def test_somebody_who_goes_on_for_long_is_heard(model: Moonshine, seconds: float) -> None:
    sentence = _sound(Flite("cmu_us_slt").speak("put seven minutes on the timer"))
    said = np.zeros(int(16_000 * seconds), np.float32)
    said[-sentence.size :] = sentence
    assert "seven minutes" in model.hear(said)[0].words


def test_what_else_it_may_have_been_is_told_the_likeliest_first(model: Moonshine) -> None:
    found = model.hear(_sound(Flite("cmu_us_awb").speak("cancel the timer")))
    assert len(found) > 1
    assert len({text.words for text in found}) == len(found)
    assert [text.likely for text in found] == sorted((text.likely for text in found), reverse=True)


@pytest.mark.parametrize("level", [0.003, 0.01, 0.1])
def test_noise_is_not_likely_to_be_speech(model: Moonshine, level: float) -> None:
    noise = np.random.default_rng(1).normal(0, level, 32_000).astype(np.float32)
    assert all(text.likely < 0.4 for text in model.hear(noise))


def test_a_moment_of_sound_is_no_trouble(model: Moonshine) -> None:
    assert all(text.likely < 0.5 for text in model.hear(np.zeros(100, np.float32)))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Set a timer for twenty-five minutes.", "set a timer for twenty five minutes"),
        ("What's 15% of 1,200?", "what's fifteen percent of one thousand two hundred"),
        ("It\N{RIGHT SINGLE QUOTATION MARK}s 3.5, no: 7:30!", "it's three point five no seven thirty"),
        ("", ""),
    ],
)
def test_a_written_sentence_is_as_it_is_spoken(written: str, said: str) -> None:
    assert spoken(written) == said


def test_tokens_are_read_with_lengths_of_one_and_two_bytes() -> None:
    long = bytes(range(256)) * 2
    table = b"\x03abc" + struct.pack("BB", len(long) % 128 + 128, len(long) // 128) + long + b"\x01z"
    assert vocabulary(table) == [b"abc", long, b"z"]


def _logits(chances: dict[int, float], size: int = 12) -> list[float]:
    return [math.log(chances[token]) if token in chances else _NOTHING for token in range(size)]


def _rows(*rows: dict[int, float]) -> NDArray[np.float32]:
    return np.array([_logits(row) for row in rows], np.float32)


def test_a_way_that_was_not_the_likeliest_at_first_may_win() -> None:
    search = Search(2, 10)
    assert search.go_on(_rows({5: 0.6, 7: 0.4})) == [0, 0]
    assert [way.tokens for way in search.going] == [(5,), (7,)]
    search.go_on(_rows({_END: 0.3, 8: 0.7}, {_END: 0.99}))
    assert search.ended[0].tokens == (7,)


def test_a_way_is_followed_from_where_it_came() -> None:
    search = Search(2, 10)
    search.go_on(_rows({5: 0.5, 7: 0.5}))
    came = [way.tokens for way in search.going]
    parents = search.go_on(_rows({9: 0.9, 10: 0.1}, {8: 0.9, 11: 0.1}))
    assert [way.tokens[:1] for way in search.going] == [came[parent] for parent in parents]
    assert sorted(parents) == [0, 1]


def test_a_search_that_repeats_itself_ends() -> None:
    search = Search(1, 3)
    for _ in range(3):
        assert search.going
        search.go_on(_rows({4: 1.0}))
    assert not search.going
    assert search.ended[0].tokens == (4, 4, 4)
