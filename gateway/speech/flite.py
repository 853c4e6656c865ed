"""Flite through ctypes: text to 16 kHz speech, with nothing to download but Debian's libflite1."""

from __future__ import annotations

import ctypes
import threading
from ctypes import CDLL, POINTER, RTLD_GLOBAL, Structure, c_char_p, c_int, c_short, c_void_p
from functools import cache

import numpy as np

from gateway.errors import ConfigError

SAMPLE_RATE = 16_000
VOICES = ("cmu_us_rms", "cmu_us_slt", "cmu_us_awb", "cmu_us_kal16")
DEFAULT_VOICE = "cmu_us_rms"  # docs/speech.md has the round trip that chose it
INSTALL = "sudo apt-get install -y libflite1"
_QUIET = 200  # of 32,767: below the voices' softest consonant, above their noise floor
_LEAD = SAMPLE_RATE // 100  # keep 10 ms, so that a plosive isn't cut
_TAIL = SAMPLE_RATE // 10
_MAX_CHARS = 1_000


class _Wave(Structure):
    """cst_wave of flite's include/cst_wave.h."""

    _fields_ = (
        ("type", c_char_p),
        ("sample_rate", c_int),
        ("num_samples", c_int),
        ("num_channels", c_int),
        ("samples", POINTER(c_short)),
    )


class Flite:
    """One voice. Safe to call from several threads: flite's own state is not, so calls queue."""

    sample_rate = SAMPLE_RATE
    _lock = threading.Lock()  # of the library, not of a voice

    def __init__(self, voice: str = DEFAULT_VOICE) -> None:
        """Load the voice. Raises ConfigError where the library or the voice is missing."""
        if voice not in VOICES:
            raise ConfigError(f"flite has no voice {voice!r}", remedy=f"choose one of {', '.join(VOICES)}")
        self.name = voice
        self._flite, self._voice = _load(voice)

    def speak(self, text: str) -> bytes:
        """`text` as 16-bit mono PCM at 16 kHz, silence before and after trimmed. Blocks, without the GIL.

        Takes about 10 ms for each second of speech. Text without a word gives no bytes.
        """
        words = text[:_MAX_CHARS].encode("ascii", "ignore")
        if not any(chr(byte).isalnum() for byte in words):
            return b""  # of nothing to say, flite now and then makes a breath of noise
        with self._lock:
            wave = self._flite.flite_text_to_wave(words, self._voice)
            if not wave:
                return b""
            try:
                contents = wave.contents
                pcm = ctypes.string_at(contents.samples, contents.num_samples * 2)
            finally:
                self._flite.delete_wave(wave)
        return trim(pcm)


def available() -> bool:
    """Whether libflite1 and the default voice are installed."""
    try:
        _load(DEFAULT_VOICE)
    except ConfigError:
        return False
    return True


@cache
def _load(voice: str) -> tuple[CDLL, int]:
    try:
        flite = CDLL("libflite.so.1", mode=RTLD_GLOBAL)
        for part in ("usenglish", "cmulex"):
            CDLL(f"libflite_{part}.so.1", mode=RTLD_GLOBAL)  # the voices resolve their symbols against these
        register = getattr(CDLL(f"libflite_{voice}.so.1"), f"register_{voice}")
    except OSError as error:
        raise ConfigError(f"flite can't be loaded: {error}", remedy=INSTALL) from error
    flite.flite_text_to_wave.argtypes, flite.flite_text_to_wave.restype = [c_char_p, c_void_p], POINTER(_Wave)
    flite.delete_wave.argtypes, flite.delete_wave.restype = [POINTER(_Wave)], None
    register.argtypes, register.restype = [c_char_p], c_void_p
    flite.flite_init()
    return flite, int(register(None))


def trim(pcm: bytes) -> bytes:
    """16-bit mono PCM at 16 kHz without the silence at its ends (10 ms stay before, 100 ms after)."""
    samples = np.frombuffer(pcm, dtype=np.int16)
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _QUIET)
    if not loud.size:
        return b""
    return samples[max(0, int(loud[0]) - _LEAD) : int(loud[-1]) + _TAIL].tobytes()
