import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.speech.language_model import LanguageModel, common_words, language_model
from gateway.speech.meaning.sentences import load_book
from gateway.speech.sampling import corpus, spoken
from gateway.speech.trigram import train

_WORDS = st.sampled_from(["what", "time", "is", "it", "stop"])
_SENTENCES = st.lists(st.lists(_WORDS, min_size=1, max_size=5), min_size=1, max_size=8)


@given(_SENTENCES, st.lists(_WORDS, max_size=2))
def test_probabilities_after_any_context_sum_to_one(sentences: list[list[str]], context: list[str]) -> None:
    model = train([*sentences, ["what", "time", "is", "it", "stop"]])
    total = sum(10 ** model.log_probability(tuple(context), word) for word in model.vocabulary)
    assert total == pytest.approx(1.0, abs=1e-6)


def test_what_was_seen_is_likelier_than_what_was_not() -> None:
    model = train([["what", "time", "is", "it"]] * 3 + [["stop", "it"]])
    assert model.log_probability(("time", "is"), "it") > model.log_probability(("time", "is"), "stop")


def test_the_corpus_is_the_same_each_time() -> None:
    book = load_book()
    assert list(corpus(book, per_template=1)) == list(corpus(book, per_template=1))


def test_the_corpus_has_numbers_in_words_only() -> None:
    words = {word for sentence in corpus(load_book(), per_template=3) for word in sentence}
    assert all(word.replace("'", "").isalpha() for word in words)


def test_spoken_text_has_no_digits() -> None:
    assert spoken("Set a timer for 25 minutes!") == "set a timer for twenty five minutes"


def test_a_built_model_is_not_built_again(model: LanguageModel) -> None:
    before = model.arpa.stat().st_mtime_ns
    language_model(load_book(), model.arpa.parents[1])
    assert model.arpa.stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\\data\\"])
def test_a_model_that_lacks_its_end_is_built_anew(tmp_path: Path, content: bytes) -> None:
    model = language_model(load_book(), tmp_path)
    whole = model.arpa.read_bytes(), model.dictionary.read_bytes()
    for path in (model.arpa, model.dictionary):
        path.write_bytes(content)
    again = language_model(load_book(), tmp_path)
    assert (again.arpa.read_bytes(), again.dictionary.read_bytes()) == whole


def test_what_could_not_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="the disk is full"):
        language_model(load_book(), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_unpronounceable_word_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("replies: [{sentences: [where is xyzzyx], reply: Here.}]")
    with pytest.raises(ConfigError, match="xyzzyx") as caught:
        language_model(load_book(path), tmp_path)
    assert "lexicon" in caught.value.remedy


def test_a_lexicon_entry_makes_a_word_pronounceable(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        'replies: [{sentences: [where is xyzzyx], reply: Here.}]\nlexicon: {xyzzyx: "Z IH Z IY K S"}'
    )
    assert "xyzzyx Z IH Z IY K S" in language_model(load_book(path), tmp_path).dictionary.read_text()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cache_dir .* cannot be used: a file is where"):
        language_model(load_book(), tmp_path / "file" / "below")


def test_common_words_are_words() -> None:
    assert len(common_words()) > 900
