"""Moonshine tiny (Jeffries et al. 2024, arXiv 2410.15608): speech to text by a model that a wheel carries.

Its files are read out of the package `moonshine-voice` and run by the onnxruntime that is here anyway: the package's
own library brings a second one, looks for speech once more itself, and says neither how sure it is nor what else
it may have been.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gateway.speech.meaning.numbers import words_for_int

RATE: Final = 16_000
WIDTH: Final = 8
_BEGIN, _END = 1, 2
_LAYERS, _HEADS, _WIDTH = 6, 8, 36
_TOKENS_A_SECOND: Final = 6.5
"""More than that is the model repeating itself (the bound of its authors)."""
_HOPELESS: Final = 0.5
"""How much less likely, as a logarithm, a way may be than one that has ended and still be followed."""
_SHORTEST: Final = RATE // 2
_SPOKEN: Final = (
    ("\N{RIGHT SINGLE QUOTATION MARK}", "'"),
    ("%", " percent "),
    (r"(?<=\d),(?=\d{3})", ""),
    (r"(?<=\d)\.(?=\d)", " point "),
)
Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Text:
    """What may have been heard: words in lower case, and the mean probability of its tokens."""

    words: str
    likely: float


def folder() -> Path | None:
    """Where the model's files are; None where the package is not, or has none."""
    found = find_spec("moonshine_voice")
    if found is None or not found.submodule_search_locations:
        return None
    files = Path(found.submodule_search_locations[0]) / "assets" / "tiny-en"
    return files if (files / "encoder_model.ort").is_file() else None


class Moonshine:
    """The model, loaded. Not for several threads at once.

    Args:
        files: its folder.
        threads: that it may compute with.
    """

    def __init__(self, files: Path, threads: int = 1) -> None:
        import onnxruntime  # noqa: PLC0415 -- it reads the environment when it is imported

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        with_cpu = {"sess_options": options, "providers": ["CPUExecutionProvider"]}
        self._encoder: Any = onnxruntime.InferenceSession(str(files / "encoder_model.ort"), **with_cpu)
        self._decoder: Any = onnxruntime.InferenceSession(str(files / "decoder_model_merged.ort"), **with_cpu)
        self._names = [each.name for each in self._decoder.get_outputs()]
        self._tokens = vocabulary((files / "tokenizer.bin").read_bytes())

    def hear(self, said: Samples, width: int = WIDTH) -> list[Text]:
        """What may have been said in some seconds of sound, -1 to 1 at 16 kHz: the likeliest first.

        Args:
            said: the sound.
            width: how many ways to go on are kept at each token (beam search).
        """
        said = np.pad(said, (0, max(0, _SHORTEST - said.size)))
        mask = np.ones((1, said.size), np.int64)
        (encoded,) = self._encoder.run(None, {"input_values": said[None], "attention_mask": mask})
        search = Search(width, math.ceil(said.size / RATE * _TOKENS_A_SECOND))
        # The decoder reads the mask at each 384th sample; a single one holds for a sentence of any length.
        given: dict[str, Any] = {
            "encoder_hidden_states": encoded,
            "encoder_attention_mask": np.ones((1, 1), np.int64),
            **_nothing(),
        }
        while search.going:
            first = len(search.going[0].tokens) == 0
            given |= {
                "input_ids": np.array([[way.last] for way in search.going]),
                "use_cache_branch": np.array([not first]),
            }
            logits, *kept = self._decoder.run(self._names, given)
            parents = search.go_on(logits[:, -1])
            given |= {
                name.replace("present", "past_key_values"): value[parents]
                for name, value in zip(self._names[1:], kept, strict=True)
                if first or ".decoder." in name
            }
            if given["encoder_hidden_states"].shape[0] != len(parents):
                given |= self._so_many(given, len(parents), first)
        texts: dict[str, Text] = {}
        for way in search.ended:
            text = self._text(way)
            texts.setdefault(text.words, text)
        return list(texts.values())

    def _so_many(self, given: dict[str, Any], count: int, first: bool) -> dict[str, Any]:
        """What all ways have in common, as often as there are ways."""
        common = [name for name in given if name.startswith("encoder") or (not first and ".encoder." in name)]
        return {name: np.repeat(given[name][:1], count, axis=0) for name in common}

    def _text(self, way: Way) -> Text:
        text = b"".join(self._tokens[each] for each in way.tokens).decode(errors="replace")
        return Text(spoken(text), way.likely)


def spoken(text: str) -> str:
    """A written sentence as it is spoken: lower case, numbers in words, no punctuation."""
    for written, said in _SPOKEN:
        text = re.sub(written, said, text)
    text = re.sub(r"\d{1,9}", lambda digits: f" {words_for_int(int(digits[0]))} ", text.lower())
    return " ".join(re.sub(r"[^a-z' ]", " ", text).split())


@dataclass(frozen=True, slots=True)
class Way:
    """Tokens so far, and the sum of the logarithms of their probabilities."""

    tokens: tuple[int, ...] = ()
    chance: float = 0.0

    @property
    def last(self) -> int:
        """The token to go on from."""
        return self.tokens[-1] if self.tokens else _BEGIN

    @property
    def likely(self) -> float:
        """The mean probability of its tokens, the end of it among them."""
        return math.exp(self.chance / (len(self.tokens) + 1))

    def on(self, token: int, chance: float) -> Way:
        """One token further."""
        return Way((*self.tokens, token), self.chance + chance)

    def end(self, chance: float) -> Way:
        """It says no more."""
        return Way(self.tokens, self.chance + chance)


class Search:
    """The likeliest ways through the tokens. Pure.

    Args:
        width: how many ways are followed.
        longest: in tokens; longer ones are cut.
    """

    def __init__(self, width: int, longest: int) -> None:
        self._width, self._longest = width, longest
        self.going = [Way()]
        self._ended: list[Way] = []

    @property
    def ended(self) -> list[Way]:
        """Those that have ended, the likeliest first."""
        return sorted(self._ended, key=lambda way: -way.likely)

    def go_on(self, logits: NDArray[np.float32]) -> list[int]:
        """Follow each way by one token; which of them each that is followed now comes from."""
        found: list[tuple[float, int, Way]] = []
        for parent, (way, row) in enumerate(zip(self.going, logits, strict=True)):
            whole = float(row.max() + np.log(np.exp(row - row.max()).sum()))
            for token in np.argpartition(row, -self._width - 1)[-self._width - 1 :].tolist():
                chance = float(row[token]) - whole
                if token == _END:
                    self._ended.append(way.end(chance))
                else:
                    on = way.on(token, chance)
                    found.append((on.chance, parent, on))
        found.sort(key=lambda each: -each[0])
        best = max((way.chance for way in self._ended), default=-math.inf)
        room = self._width if self._width > 1 or not self._ended else 0
        kept = [each for each in found[:room] if each[0] > best - _HOPELESS]
        self.going = [way for _, _, way in kept]
        if self.going and len(self.going[0].tokens) >= self._longest:
            self._ended += [way.end(0.0) for way in self.going]
            self.going = []
        return [parent for _, parent, _ in kept]


def vocabulary(table: bytes) -> list[bytes]:
    """The tokens of a `tokenizer.bin`: each with its length before it, in one byte or, from 128 on, in two."""
    found, at = [], 0
    while at < len(table):
        length, at = table[at], at + 1
        if length >= 128:
            length, at = table[at] * 128 + length - 128, at + 1
        found.append(table[at : at + length])
        at += length
    return found


def _nothing() -> dict[str, NDArray[np.float32]]:
    """The decoder's memory before the first token."""
    empty = np.zeros((1, _HEADS, 0, _WIDTH), np.float32)
    return {
        f"past_key_values.{layer}.{side}.{what}": empty
        for layer in range(_LAYERS)
        for side in ("decoder", "encoder")
        for what in ("key", "value")
    }
