"""Wake words: microWakeWord models, found by name or file, and one stream of sound that is searched for them."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib import resources, util
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from gateway.errors import ConfigError
from ground import text
from ground.trouble import Trouble

PACKAGE: Final = "pymicro_wakeword"
_MAGIC: Final = b"TFL3"
"""At byte 4 of a TensorFlow Lite model. What is none would end the process that loads it."""


@dataclass(frozen=True, slots=True)
class Word:
    """A model that knows one word. `cutoff`: of the mean probability of the last `window` strides of 30 ms."""

    name: str
    model: Path
    cutoff: float
    window: int


@cache
def find(given: str) -> Word:
    """The word of this name, or of this file: the `.json` of a microWakeWord model, whose `.tflite` lies beside it.

    Raises:
        ConfigError: there is none, or this machine has nothing to hear it with.
    """
    if util.find_spec(PACKAGE) is None:
        raise ConfigError(
            f"the wake word {given!r} can't be heard: {PACKAGE} is not installed",
            remedy='it exists for Linux on x86-64 and ARM64; elsewhere use wake = "always" or "button"',
        )
    known = _known()
    path = Path(given) if given.endswith(".json") else known.get(given.casefold().strip())
    if path is None:
        raise ConfigError(
            f"there is no wake word {given!r}",
            remedy=f"the words are {', '.join(sorted(known))}; or the .json of a microWakeWord model",
        )
    return _read(path)


def _known() -> dict[str, Path]:
    """Those that come with the package."""
    folder = resources.files(PACKAGE) / "models"
    found = [Path(str(item)) for item in folder.iterdir() if item.name.endswith(".json")]
    return {path.stem.replace("_", " "): path for path in found}


def _read(path: Path) -> Word:
    try:
        said = json.loads(text.read(path))
        model = path.parent / str(said["model"])
        micro = said["micro"]
        word = Word(
            str(said["wake_word"]).casefold(),
            model,
            float(micro["probability_cutoff"]),
            int(micro["sliding_window_size"]),
        )
    except Trouble as error:
        raise ConfigError.of(error) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(
            f"{path} describes no microWakeWord model: {type(error).__name__} {error}",
            remedy="it has `wake_word`, `model` and `micro`, as ESPHome's models have",
        ) from None
    _check(word)
    return word


def _check(word: Word) -> None:
    try:
        with word.model.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise ConfigError(
            f"{word.model}: {error.strerror}", remedy="put the model beside its .json"
        ) from None
    if head[4:] != _MAGIC:
        raise ConfigError(f"{word.model} is no TensorFlow Lite model", remedy="give one for microWakeWord")
    try:
        Spotter([word]).close()
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"{word.model}: {error}", remedy="give a model for microWakeWord") from None


class Spotter(AbstractContextManager["Spotter"]):
    """Searches one stream for words. A model keeps what it heard, so each stream has its own.

    Args:
        words: each is searched for.
    """

    def __init__(self, words: Sequence[Word]) -> None:
        package = _package()
        library = next((Path(str(resources.files(PACKAGE))) / "lib").glob("*tensorflowlite_c.*"))
        self._features = package.MicroWakeWordFeatures()
        self._models: list[Any] = [
            package.MicroWakeWord(
                word.name,
                wake_word=word.name,
                tflite_model=word.model,
                probability_cutoff=word.cutoff,
                sliding_window_size=word.window,
                trained_languages=[],
                libtensorflowlite_c_path=library,
            )
            for word in words
        ]

    def heard(self, pcm: bytes, but: Container[str] = ()) -> set[str]:
        """The words that end about here, of 16 kHz mono 16-bit PCM that goes on from what came before.

        Args:
            pcm: of any length.
            but: words that are not searched for just now, and cost nothing.
        """
        return set(self._heard(pcm, but))

    def _heard(self, pcm: bytes, but: Container[str]) -> Iterator[str]:
        for features in self._features.process_streaming(pcm):
            for model in self._models:
                if model.id not in but and model.process_streaming(features):
                    yield model.id

    def close(self) -> None:
        """Give the models back."""
        for model in self._models:
            model.close()

    def __exit__(self, *_raised: object) -> None:
        self.close()


def _package() -> ModuleType:
    import pymicro_wakeword  # noqa: PLC0415 -- only where there is a word to wait for, and it is there

    module: ModuleType = pymicro_wakeword
    return module
