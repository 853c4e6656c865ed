"""Devices that hear the same word: the one that hears it best answers. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WINDOW_SECONDS: Final = 0.3
"""How far apart the same word is heard by two devices: what they differ by in network, playout and distance."""


@dataclass(eq=False, slots=True)
class Claim:
    """That a device heard a word, at `at` seconds, `level` dB above the noise that it hears otherwise."""

    word: str
    level: float
    at: float


class Earshot:
    """The devices of one process that wait for words.

    Args:
        clock: monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.listening = 0
        """How many there are. One alone has nobody to wait for."""
        self._claims: list[Claim] = []

    def claim(self, word: str, level: float, now: float) -> Claim:
        """Say that a device heard a word."""
        self._claims = [claim for claim in self._claims if now - claim.at <= 2 * WINDOW_SECONDS]
        claim = Claim(word, level, now)
        self._claims.append(claim)
        return claim

    def won(self, claim: Claim, now: float) -> bool | None:
        """Whether this one heard its word best; None while others may still claim to."""
        if self.listening > 1 and now - claim.at < WINDOW_SECONDS:
            return None
        rivals = [
            other
            for other in self._claims
            if other is not claim and other.word == claim.word and abs(other.at - claim.at) <= WINDOW_SECONDS
        ]
        return all((claim.level, -claim.at) >= (other.level, -other.at) for other in rivals)
