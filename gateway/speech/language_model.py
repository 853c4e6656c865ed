"""The recogniser's language model and dictionary for a sentence book, built once and cached on disk."""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from pathlib import Path

from pocketsphinx import get_model_path

from gateway.errors import ConfigError
from gateway.speech.meaning.sentences import SentenceBook
from gateway.speech.sampling import corpus
from gateway.speech.trigram import END, START, train
from ground import folders
from ground.trouble import Trouble

_VERSION = 1  # of what this module builds: a new one makes cached models stale
_PER_TEMPLATE = 150
# Sentences of common words at random, as a share of the corpus: what is off topic decodes to these, which
# mean nothing, and not to the nearest command. docs/speech.md has the measurement.
_GARBAGE = 0.15
_GARBAGE_WORDS = 8
_ARPA_END, _DICTIONARY_END = b"\\end\\\n", b"\n"


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """Paths that a decoder is given: the ARPA model, the dictionary, and the acoustic model's directory."""

    arpa: Path
    dictionary: Path
    acoustic: Path


def language_model(book: SentenceBook, cache: Path) -> LanguageModel:
    """The model for `book`, from the directory `cache` or else built there (about a second). Blocks.

    Raises ConfigError where a word has no pronunciation, or the cache can't be written.
    """
    cache = _expanded(cache)
    key = hashlib.sha256(
        f"{_VERSION} {metadata.version('pocketsphinx')} {book.fingerprint}".encode()
    ).hexdigest()
    home = cache / f"sphinx-{key[:16]}"
    acoustic = Path(get_model_path()) / "en-us" / "en-us"
    model = LanguageModel(home / "model.arpa", home / "words.dict", acoustic)
    if not (_is_whole(model.arpa, _ARPA_END) and _is_whole(model.dictionary, _DICTIONARY_END)):
        arpa, dictionary = build(book)
        try:
            home.mkdir(parents=True, exist_ok=True)
            _write(model.dictionary, dictionary)
            _write(model.arpa, arpa)
        except OSError as error:
            raise ConfigError.of(folders.unusable(cache, error, setting="cache_dir")) from None
    return model


def _expanded(cache: Path) -> Path:
    try:
        return folders.expanded(cache)
    except Trouble as error:
        raise ConfigError.of(error) from None


def build(book: SentenceBook) -> tuple[str, str]:
    """(ARPA model, dictionary) for `book`, as text. Raises ConfigError where a word has no pronunciation."""
    sentences = list(corpus(book, per_template=_PER_TEMPLATE))
    trigram = train([*sentences, *_garbage(int(len(sentences) * _GARBAGE))])
    return trigram.arpa(), _dictionary(book, trigram.vocabulary - {START, END})


def _garbage(count: int) -> Iterator[list[str]]:
    words = common_words()
    weights = [(rank + 20) ** -0.5 for rank in range(len(words))]
    rng = random.Random(0)  # noqa: S311 - not for secrets
    for _ in range(count):
        yield rng.choices(words, weights, k=rng.randint(1, _GARBAGE_WORDS))


@cache
def common_words() -> tuple[str, ...]:
    """Common English words, commonest first, from CMU's en-us language model as pocketsphinx bundles it."""
    return tuple(
        resources.files("gateway").joinpath("data/sentences/common_words.txt").read_text("utf-8").split()
    )


def _dictionary(book: SentenceBook, words: Iterable[str]) -> str:
    """Pronunciations of `words`: the book's lexicon first, then CMUdict."""
    wanted = set(words)
    lines = [f"{word} {phones}" for word, phones in book.lexicon.items() if word in wanted]
    missing = wanted - set(book.lexicon)
    found: set[str] = set()
    with (Path(get_model_path()) / "en-us" / "cmudict-en-us.dict").open(encoding="utf-8") as entries:
        for entry in entries:
            word = entry.split(maxsplit=1)[0].split("(")[0]
            if word in missing:
                lines.append(entry.rstrip())
                found.add(word)
    if missing != found:
        raise ConfigError(
            f"the recogniser doesn't know how to pronounce: {', '.join(sorted(missing - found))}",
            remedy="give each a line in your sentences file's `lexicon`, in ARPAbet (see docs/speech.md)",
        )
    return "\n".join([*lines, ""])


def _is_whole(path: Path, end: bytes) -> bool:
    """Whether a file has its end: one from before a power cut may be empty, or zeros."""
    try:
        with path.open("rb") as file:
            file.seek(-len(end), os.SEEK_END)
            return file.read() == end
    except OSError:
        return False


def _write(path: Path, text: str) -> None:
    """Write whole or not at all: several workers may build at once, and the power may go."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
