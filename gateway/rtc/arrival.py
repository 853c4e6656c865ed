"""How late a sender's packets come: its clock as seen from here, lateness, reordering, jitter. Pure.

A delay is arrival less end of the media in the packet, in seconds: only differences mean anything.
"""

from __future__ import annotations

from typing import Final

_CLOCK_WINDOW: Final = 1.0
_LATENESS_MIN: Final = 0.030
_LATENESS_MAX: Final = 0.200
_REORDER_MAX: Final = 0.060
_MARGIN: Final = 0.005  # on top of what was seen
_HALF_LIFE: Final = 10.0  # of lateness and reordering, in seconds of media


class Arrivals:
    """What one stream's arrivals say, in seconds.

    `least`: the least delay of the last 1-2 s, as NetEQ tracks it: where media time stands on our clock.
    `lateness`: the peak over that, 30-200 ms. `reordering`: how long after its successor a packet may come,
    at most 60 ms. Both rise at once and halve in 10 s. `jitter`: RFC 3550 §6.4.1.
    """

    __slots__ = ("_last", "_recent", "_until", "delay", "jitter", "lateness", "least", "reordering")

    def __init__(self, delay: float, now: float) -> None:
        self.lateness = _LATENESS_MIN
        self.reordering = self.jitter = 0.0
        self.anchor(delay, now)

    def anchor(self, delay: float, now: float) -> None:
        """The sender's clock was set: only `delay` counts."""
        self.delay = self.least = self._last = self._recent = delay
        self._until = now + _CLOCK_WINDOW

    def shift(self, seconds: float) -> None:
        """Our own clock stood still for `seconds`."""
        self._last += seconds
        self._recent += seconds
        self.least += seconds

    def observe(self, delay: float, duration: float, now: float) -> float:
        """Count in a packet of `duration`; gives by how much `least` rose (a fall is negative)."""
        self.jitter += (abs(delay - self.delay) - self.jitter) / 16
        self.delay = delay
        decay = 0.5 ** (duration / _HALF_LIFE)
        self.reordering *= decay
        self.lateness = max(self.lateness * decay, delay - self.least + _MARGIN, _LATENESS_MIN)
        self.lateness = min(self.lateness, _LATENESS_MAX)
        return self._track(delay, now)

    def saw_reordering(self, behind: float) -> None:
        """A packet came `behind` seconds after its successor; one beyond the bound is no use."""
        if behind + _MARGIN <= _REORDER_MAX:
            self.reordering = max(self.reordering, behind + _MARGIN)

    def _track(self, delay: float, now: float) -> float:
        if now >= self._until:
            self._last, self._recent, self._until = self._recent, delay, now + _CLOCK_WINDOW
        self._recent = min(self._recent, delay)
        before, self.least = self.least, min(self._last, self._recent)
        return self.least - before
