"""Takes a device's own voice out of what it hears, by what was sent to it and when it played that."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Protocol

from gateway.media.residual import Residual
from gateway.rtc.codec import OpusDecoder
from gateway.rtc.lateness import QUIET, peak
from gateway.rtc.playout import Heard

SILENCE: Final = bytes(640)
_TICKS: Final = 3  # of RTP's 48 kHz in a sample
_FRAME: Final = 320
_PACKET: Final = _TICKS * _FRAME
_KEPT: Final = 150
"""Packets, three seconds: more than any device holds back."""
_ADVANCE: Final = 5 * 48
"""Ticks, 5 ms: a device that knows its delays a little wrong must not seem to hear what it has yet to play."""
_TAIL: Final = 20
"""Frames after the last sound that was played for which a room rings."""
_OFF: Final = 3
"""A microphone in which there is no louder sample is off, or nothing came of it,"""
_DEAF: Final = 5
"""if that is so for so many frames in which something was played."""


class Canceller(Protocol):
    """Takes the echo out of 20 ms of sound (640 bytes, 16 kHz, mono, 16 bit) at a time."""

    def cancel(self, heard: bytes, played: bytes) -> bytes:
        """What was heard, without what was played meanwhile."""

    def close(self) -> None:
        """Give back what it holds."""


class Echo:
    """One call's.

    What was played is what the device made of the packets: they are decoded here as they are there.

    Args:
        canceller: does the work; None passes everything on as it is.
    """

    def __init__(self, canceller: Canceller | None) -> None:
        self._canceller = canceller
        self._decoder = OpusDecoder() if canceller is not None else None
        self._residual = Residual()
        self._sent: OrderedDict[int, bytes] = OrderedDict()
        self._last = 0
        self._rings = 0  # frames for which there may be echo
        self._deaf = 0  # frames in which nothing of what was played is heard

    @property
    def works(self) -> bool:
        """Whether it does anything."""
        return self._canceller is not None

    def sent(self, opus: bytes, timestamp: int, *, silent: bool = False) -> None:
        """This packet of 20 ms goes out, with this RTP timestamp; whether there is nothing but silence in it."""
        if self._decoder is None:
            return
        pcm = self._decoder.decode(opus)
        if silent:
            return
        self._sent[timestamp] = pcm
        self._last = timestamp
        while len(self._sent) > _KEPT:
            self._sent.popitem(last=False)

    def hear(self, heard: Heard) -> bytes:
        """20 ms of what is heard, without the echo."""
        if self._canceller is None:
            return heard.pcm
        reference = SILENCE if heard.played is None else self._played(heard.played + _ADVANCE)
        self._rings = _TAIL if reference is not SILENCE else self._rings - 1
        if self._rings <= 0 and self._residual.may_rest:
            self._residual.rest()
            self._deaf = 0
            return heard.pcm
        was_deaf = self._deaf >= _DEAF
        self._deaf = self._deaf + (peak(reference) > QUIET) if peak(heard.pcm) <= _OFF else 0
        if self._deaf >= _DEAF:  # a filter would learn from it that there is no echo
            return self._residual.skip()
        if was_deaf:  # what the filter remembers of what was played is older than it thinks
            self._residual.forget()
        left = self._canceller.cancel(heard.pcm, reference)
        return self._residual.take(heard.pcm, left, reference, made_up=heard.made_up or self._deaf > 0)

    def forget(self) -> None:
        """The device is to be louder or quieter from now on: its echo will be another."""
        self._residual.forget()

    def close(self) -> None:
        """The call is over."""
        if self._canceller is not None:
            self._canceller.close()
            self._canceller = None

    def _played(self, at: int) -> bytes:
        """20 ms of what was sent, from this RTP timestamp on; of two packets, mostly, which are 20 ms apart."""
        before = (self._last - at) % 2**32
        before -= 2**32 if before >= 2**31 else 0
        steps = -(-before // _PACKET)
        offset = 2 * ((steps * _PACKET - before) // _TICKS)
        first, second = (self._sent.get((self._last - _PACKET * k) % 2**32) for k in (steps, steps - 1))
        if first is None and (second is None or offset == 0):
            return SILENCE
        return (first or SILENCE)[offset:] + (second or SILENCE)[:offset]
