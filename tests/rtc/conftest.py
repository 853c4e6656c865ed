from __future__ import annotations

import subprocess
import wave
from pathlib import Path

import pytest

SENTENCE = "Please set a timer for ten minutes and turn the volume up, then tell me what day it is tomorrow."


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A spoken sentence as 20 ms frames of 16 kHz mono PCM."""
    path: Path = tmp_path_factory.mktemp("speech") / "sentence.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", SENTENCE, "-o", str(path)], check=True)
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        pcm = file.readframes(file.getnframes())
    return [pcm[start : start + 640] for start in range(0, len(pcm) - 639, 640)]
