"""The recogniser that judges what is intelligible: pocketsphinx with its own English model."""

from __future__ import annotations

import functools
import wave
from pathlib import Path
from typing import Any

from pocketsphinx import Config, Decoder


@functools.cache
def _decoder() -> Any:
    return Decoder(Config(loglevel="FATAL"))


def transcribe_span(path: Path, span: tuple[int, int]) -> str:
    """The words between two samples of a 16 kHz mono WAV file."""
    with wave.open(str(path)) as file:
        file.setpos(min(span[0], file.getnframes()))
        pcm = file.readframes(span[1] - span[0])
    if not pcm:  # what came back had ended before
        return ""
    decoder = _decoder()
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return str(hypothesis.hypstr) if hypothesis else ""
