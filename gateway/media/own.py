"""Wake words in what a device says itself: nobody has called it by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.media.words import Spotter

OWN_SECONDS: Final = 1.5
"""For which a word that went out may come back: the way there, what the device holds to be played, the way back."""


class OwnWords:
    """Searches what goes out.

    Args:
        spotter: of its own, since a model keeps what it heard.
        clock: monotonic, in seconds.
    """

    def __init__(self, spotter: Spotter, clock: Callable[[], float]) -> None:
        self._spotter, self._clock = spotter, clock
        self._said: dict[str, float] = {}

    def say(self, pcm: bytes) -> None:
        """Take 16 kHz mono 16-bit PCM that goes out."""
        for word in self._spotter.heard(pcm):
            self._said[word] = self._clock()

    def explains(self, word: str, now: float) -> bool:
        """Whether a word that was heard may be the device's own."""
        return now - self._said.get(word, -OWN_SECONDS) < OWN_SECONDS

    def close(self) -> None:
        """Give the models back."""
        self._spotter.close()
