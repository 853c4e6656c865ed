"""Echo cancelling by speexdsp (BSD), through ctypes: Debian's libspeexdsp1, or the same library of another system."""

from __future__ import annotations

import contextlib
import ctypes
from ctypes import CDLL, POINTER, byref, c_int, c_int16, c_void_p
from functools import cache
from typing import Final

FRAME: Final = 320
"""Samples at 16 kHz: 20 ms."""
RATE: Final = 16_000
TAIL: Final = 3_200
"""Samples, 200 ms: how long a room rings, and what is not known of a board's own delays."""
INSTALL: Final = "sudo apt-get install -y libspeexdsp1"

_SET_RATE: Final = 24  # SPEEX_ECHO_SET_SAMPLING_RATE
_SET_DENOISE: Final = 0
_SET_ECHO_STATE: Final = 24  # SPEEX_PREPROCESS_…
_SET_SUPPRESS: Final = 20
_SET_SUPPRESS_ACTIVE: Final = 22


class Speex:
    """One call's canceller: a linear filter, and behind it what takes the rest down where nobody else speaks.

    Args:
        suppress_db: how far what is left of the echo is taken down, at most, while nobody speaks over it.
        suppress_active_db: likewise, while somebody does.
    """

    def __init__(self, suppress_db: int = -40, suppress_active_db: int = -6) -> None:
        self._library = _library()
        self._echo = c_void_p(self._library.speex_echo_state_init(FRAME, TAIL))
        self._rest = c_void_p(self._library.speex_preprocess_state_init(FRAME, RATE))
        self._library.speex_echo_ctl(self._echo, _SET_RATE, byref(c_int(RATE)))
        self._set(_SET_DENOISE, 0)
        self._library.speex_preprocess_ctl(self._rest, _SET_ECHO_STATE, self._echo)
        self._set(_SET_SUPPRESS, suppress_db)
        self._set(_SET_SUPPRESS_ACTIVE, suppress_active_db)
        self._out = (c_int16 * FRAME)()

    def _set(self, what: int, value: int) -> None:
        self._library.speex_preprocess_ctl(self._rest, what, byref(c_int(value)))

    def cancel(self, heard: bytes, played: bytes) -> bytes:
        """20 ms of what was heard, without what was played meanwhile."""
        self._library.speex_echo_cancellation(
            self._echo, _frame(heard), _frame(played), ctypes.cast(self._out, POINTER(c_int16))
        )
        self._library.speex_preprocess_run(self._rest, self._out)
        return bytes(self._out)

    def close(self) -> None:
        """Give its memory back."""
        self._library.speex_preprocess_state_destroy(self._rest)
        self._library.speex_echo_state_destroy(self._echo)


def available() -> bool:
    """Whether the library is there."""
    return _found() is not None


def _frame(pcm: bytes) -> ctypes.Array[c_int16]:
    return (c_int16 * FRAME).from_buffer_copy(pcm)


@cache
def _found() -> CDLL | None:
    for name in ("libspeexdsp.so.1", "libspeexdsp.1.dylib"):
        with contextlib.suppress(OSError):
            return CDLL(name)
    return None


@cache
def _library() -> CDLL:
    library = _found()
    assert library is not None, INSTALL
    library.speex_echo_state_init.restype = c_void_p
    library.speex_echo_state_init.argtypes = [c_int, c_int]
    library.speex_preprocess_state_init.restype = c_void_p
    library.speex_preprocess_state_init.argtypes = [c_int, c_int]
    library.speex_echo_ctl.argtypes = [c_void_p, c_int, c_void_p]
    library.speex_preprocess_ctl.argtypes = [c_void_p, c_int, c_void_p]
    samples = POINTER(c_int16)
    library.speex_echo_cancellation.argtypes = [c_void_p, samples, samples, samples]
    library.speex_preprocess_run.argtypes = [c_void_p, samples]
    library.speex_echo_state_destroy.argtypes = [c_void_p]
    library.speex_preprocess_state_destroy.argtypes = [c_void_p]
    return library
