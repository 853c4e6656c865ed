"""Moonshine tiny (Jeffries et al. 2024, arXiv 2410.15608): speech to text by a model that a wheel carries.

Its files are read out of the package `moonshine-voice` and run by the onnxruntime that is here anyway: the package's own
library brings a second one, looks for speech once more itself, and doesn't say how sure it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
_BEGIN, _END = 1, 2
_LAYERS, _HEADS, _WIDTH = 6, 8, 36
_TOKENS_A_SECOND: Final = 6.5
"""More than that is the model repeating itself (the bound of its authors)."""
_SHORTEST: Final = RATE // 2
Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Text:
    """What was heard: words in lower case, and the mean and the least of its tokens' probabilities."""

    words: str
    likely: float
    least: float


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

    def hear(self, said: Samples) -> Text:
        """What is said in some seconds of sound, -1 to 1 at 16 kHz."""
        said = np.pad(said, (0, max(0, _SHORTEST - said.size)))
        mask = np.ones((1, said.size), np.int64)
        (encoded,) = self._encoder.run(None, {"input_values": said[None], "attention_mask": mask})
        given: dict[str, Any] = {
            "encoder_hidden_states": encoded,
            "encoder_attention_mask": np.ones(encoded.shape[:2], np.int64),
            **_nothing(),
        }
        tokens, chances = [], []
        token = _BEGIN
        for step in range(math.ceil(said.size / RATE * _TOKENS_A_SECOND)):
            given |= {"input_ids": np.array([[token]]), "use_cache_branch": np.array([step > 0])}
            logits, *kept = self._decoder.run(self._names, given)
            token, chance = _likeliest(logits[0, -1])
            chances.append(chance)
            if token == _END:
                break
            tokens.append(token)
            given |= {
                name.replace("present", "past_key_values"): value
                for name, value in zip(self._names[1:], kept, strict=True)
                if step == 0 or ".decoder." in name
            }
        text = b"".join(self._tokens[each] for each in tokens).decode(errors="replace")
        return Text(text.replace("▁", " ").strip(), float(np.exp(np.mean(np.log(chances)))), min(chances))


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


def _likeliest(logits: NDArray[np.float32]) -> tuple[int, float]:
    best = int(np.argmax(logits))
    return best, float(1 / np.exp(logits - logits[best]).sum())


def _nothing() -> dict[str, NDArray[np.float32]]:
    """The decoder's memory before the first token."""
    empty = np.zeros((1, _HEADS, 0, _WIDTH), np.float32)
    return {
        f"past_key_values.{layer}.{side}.{what}": empty
        for layer in range(_LAYERS)
        for side in ("decoder", "encoder")
        for what in ("key", "value")
    }
