"""espeak-ng through ctypes, from the espeakng-loader wheel: the synthesiser where flite isn't installed."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from ctypes import CDLL, CFUNCTYPE, POINTER, c_char_p, c_int, c_short, c_size_t, c_uint, c_void_p
from functools import cache
from importlib import import_module

from gateway.errors import ConfigError

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS of espeak-ng's speak_lib.h
_UTF8 = 1  # espeakCHARS_UTF8
_MAX_CHARS = 1_000
_CALLBACK = CFUNCTYPE(c_int, POINTER(c_short), c_int, c_void_p)


class Espeak:
    """espeak-ng's English voice. Safe to call from several threads: calls queue."""

    name = "espeak-ng"
    _lock = threading.Lock()  # the library keeps one voice and one callback

    def __init__(self) -> None:
        """Load the library. Raises ConfigError where the wheel is missing or doesn't work here."""
        with self._lock:
            self._library, self.sample_rate = _load()

    def speak(self, text: str) -> bytes:
        """`text` as 16-bit mono PCM at `sample_rate`. Blocks, without the GIL but for each piece of audio."""
        out = bytearray()
        self.stream(text, out.extend)
        return bytes(out)

    def stream(self, text: str, take: Callable[[bytes], bool | None]) -> None:
        """Likewise, in pieces; `take` says whether that was enough."""

        def receive(samples: ctypes._Pointer[c_short], count: int, _events: int | None) -> int:
            enough = samples and count > 0 and take(ctypes.string_at(samples, count * 2))
            return 1 if enough else 0

        callback = _CALLBACK(receive)
        data = text[:_MAX_CHARS].encode()
        with self._lock:
            self._library.espeak_SetSynthCallback(callback)
            self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, _UTF8, None, None)


@cache
def _load() -> tuple[CDLL, int]:
    try:
        loader = import_module("espeakng_loader")
        library = CDLL(loader.get_library_path())
        data = loader.get_data_path().encode()
    except (ImportError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"espeak-ng can't be loaded: {error}", remedy="pip install espeakng-loader"
        ) from error
    library.espeak_Initialize.argtypes = [c_int, c_int, c_char_p, c_int]
    library.espeak_Synth.argtypes = [c_char_p, c_size_t, c_uint, c_int, c_uint, c_uint, c_void_p, c_void_p]
    library.espeak_SetSynthCallback.argtypes = [_CALLBACK]
    rate = int(library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0))
    if rate <= 0 or library.espeak_SetVoiceByName(b"en-us"):
        raise ConfigError("espeak-ng does not start", remedy="pip install --force-reinstall espeakng-loader")
    return library, rate
