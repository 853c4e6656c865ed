"""Flite through ctypes: text to 16 kHz speech, with nothing to download but Debian's libflite1."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from ctypes import CDLL, CFUNCTYPE, POINTER, RTLD_GLOBAL, Structure, c_char_p, c_int, c_short, c_void_p
from functools import cache
from typing import Any

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
_PIECE = SAMPLE_RATE // 20  # 50 ms
_GO_ON, _STOP = 0, -1  # CST_AUDIO_STREAM_CONT and _STOP of include/cst_audio.h


class _Wave(Structure):
    """cst_wave of flite's include/cst_wave.h."""

    _fields_ = (
        ("type", c_char_p),
        ("sample_rate", c_int),
        ("num_samples", c_int),
        ("num_channels", c_int),
        ("samples", POINTER(c_short)),
    )


_Take = CFUNCTYPE(c_int, POINTER(_Wave), c_int, c_int, c_int, c_void_p)
"""cst_audio_stream_callback of include/cst_audio.h: the wave; its new piece: where, how long, if the last; what for."""


class _Streaming(Structure):
    """cst_audio_streaming_info."""

    _fields_ = (
        ("min_buffsize", c_int),
        ("asc", _Take),
        ("utt", c_void_p),
        ("item", c_void_p),
        ("userdata", c_void_p),
    )


class _Voice(Structure):
    """The beginning of cst_voice of include/cst_voice.h."""

    _fields_ = (("name", c_char_p), ("features", c_void_p))


class Flite:
    """One voice. Safe to call from several threads: flite's own state is not, so calls queue."""

    sample_rate = SAMPLE_RATE
    _lock = threading.Lock()  # of the library, not of a voice

    def __init__(self, voice: str = DEFAULT_VOICE) -> None:
        """Load the voice. Raises ConfigError where the library or the voice is missing."""
        if voice not in VOICES:
            raise ConfigError(f"flite has no voice {voice!r}", remedy=f"choose one of {', '.join(VOICES)}")
        self.name = voice
        with self._lock:
            self._flite, self._voice, self._streaming = _load(voice)

    def speak(self, text: str) -> bytes:
        """`text` as 16-bit mono PCM at 16 kHz, silence before and after trimmed. Blocks, without the GIL.

        Text without a word gives no bytes.
        """
        said = bytearray()
        self.stream(text, said.extend)
        return bytes(said)

    def stream(self, text: str, take: Callable[[bytes], bool | None]) -> None:
        """Likewise, in pieces, each as soon as it is there: the first after a third of the time. Blocks.

        Args:
            text: what to say.
            take: is given each piece, on this thread; true where that was enough.
        """
        words = text[:_MAX_CHARS].encode("ascii", "ignore")
        if not any(chr(byte).isalnum() for byte in words):
            return  # of nothing to say, flite now and then makes a breath of noise
        trim = Trim()

        def took(wave: Any, start: int, size: int, last: int, _info: int) -> int:
            at = ctypes.addressof(wave.contents.samples.contents) + start * 2
            pcm = trim.take(ctypes.string_at(at, size * 2)) + (trim.end() if last else b"")
            return _STOP if pcm and take(pcm) else _GO_ON

        with self._lock:
            self._streaming.asc = _Take(took)
            wave = self._flite.flite_text_to_wave(words, self._voice)
            if wave:
                self._flite.delete_wave(wave)


def available() -> bool:
    """Whether libflite1 and the default voice are installed."""
    try:
        Flite()
    except ConfigError:
        return False
    return True


@cache
def _load(voice: str) -> tuple[CDLL, int, _Streaming]:
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
    flite.new_audio_streaming_info.restype = POINTER(_Streaming)
    flite.audio_streaming_info_val.argtypes, flite.audio_streaming_info_val.restype = [c_void_p], c_void_p
    flite.flite_feat_set.argtypes = [c_void_p, c_char_p, c_void_p]
    flite.flite_init()
    registered = int(register(None))
    streaming = flite.new_audio_streaming_info()
    streaming.contents.min_buffsize = _PIECE
    flite.flite_feat_set(
        _Voice.from_address(registered).features, b"streaming_info", flite.audio_streaming_info_val(streaming)
    )
    return flite, registered, streaming.contents


class Trim:
    """16-bit mono PCM at 16 kHz without the silence at its ends (10 ms stay before, 100 ms after). Pure."""

    def __init__(self) -> None:
        self._held = b""
        self._begun = False

    def take(self, pcm: bytes) -> bytes:
        """What can be said of it by now: not the silence that may be the last."""
        held = self._held + pcm
        loud = np.flatnonzero(np.abs(np.frombuffer(held, np.int16).astype(np.int32)) > _QUIET)
        if not loud.size:
            self._held = held if self._begun else held[-2 * _LEAD :]
            return b""
        first = 0 if self._begun else max(0, int(loud[0]) - _LEAD)
        end = int(loud[-1]) + 1
        self._begun, self._held = True, held[2 * end :]
        return held[2 * first : 2 * end]

    def end(self) -> bytes:
        """The rest."""
        return self._held[: 2 * _TAIL] if self._begun else b""
