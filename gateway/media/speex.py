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


class Speex:
    """One call's canceller: a filter that follows what the room makes of what was played."""

    def __init__(self) -> None:
        self._library = _library()
        self._echo = c_void_p(self._library.speex_echo_state_init(FRAME, TAIL))
        self._library.speex_echo_ctl(self._echo, _SET_RATE, byref(c_int(RATE)))
        self._out = (c_int16 * FRAME)()

    def cancel(self, heard: bytes, played: bytes) -> bytes:
        """20 ms of what was heard, without what was played meanwhile."""
        self._library.speex_echo_cancellation(
            self._echo, _frame(heard), _frame(played), ctypes.cast(self._out, POINTER(c_int16))
        )
        return bytes(self._out)

    def close(self) -> None:
        """Give its memory back."""
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
    library.speex_echo_ctl.argtypes = [c_void_p, c_int, c_void_p]
    samples = POINTER(c_int16)
    library.speex_echo_cancellation.argtypes = [c_void_p, samples, samples, samples]
    library.speex_echo_state_destroy.argtypes = [c_void_p]
    return library
