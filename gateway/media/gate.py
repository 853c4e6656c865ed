"""Tells plain silence from what a bot should hear, so that neither its process nor its models work while nobody speaks.

A frame is loud that stands out of the room's own noise. What is not plainly silence is let through, a little before it,
and some time after. Nothing is let through of which the time has already passed as silence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from gateway.media.noise import KNOWN, Noise, power

MARGIN_DB: Final = 6.0
"""Over the noise: a steady noise varies by less from one frame to the next."""
FAINTEST_DB: Final = -66.0
"""Of full scale. Somebody far away, whose sentence has -53 dBFS on the mean, has his faint sounds above this."""
LOUDEST_DB: Final = -40.0
"""What is louder is no silence, however steady: music, a tone, a machine beside which somebody may speak."""
BEFORE: Final = 25
"""Frames from before the first loud one that are let through: half a second, so that no onset is lost."""
AFTER: Final = 100
"""Frames after the last loud one: two seconds, longer than the end of a turn takes to be found."""


class Gate:
    """One call's; open until it has heard how loud the room is.

    Args:
        after: frames after the last loud one that are let through.
    """

    def __init__(self, after: int = AFTER) -> None:
        self._after = after
        self._before: deque[bytes] = deque(maxlen=BEFORE)
        self._left = KNOWN
        self._unsent = True
        self._noise = Noise()
        self.holds = False
        """Whether what was taken last is held back: its time is none that passed in silence, not yet."""

    @property
    def shut(self) -> bool:
        """Whether it is silent, and has been for a while."""
        return self._left <= 0

    def take(self, pcm: bytes) -> Sequence[bytes]:
        """Take 20 ms (640 bytes, 16 kHz, mono, 16 bit); gives the frames to hand on, none for silence.

        Each frame that it gives none for is held back, or takes the place of one: of that the time passes in silence.
        """
        unsent = pcm.count(0) == len(pcm)  # which says nothing of the room, nor does what fades in after it
        tells, self._unsent = not unsent and not self._unsent, unsent
        self._noise.pass_time()
        if tells and self._is_loud(pcm):
            self._left = max(self._left, self._after)
            found = (*self._before, pcm)
            self.rest()
            return found
        self._left -= self._left > 0
        if self._left > 0:
            return () if unsent else (pcm,)
        self.holds = len(self._before) < BEFORE
        self._before.append(pcm)
        return ()

    def rest(self) -> None:
        """Hold nothing back any more: whatever its time was, it is past."""
        self._before.clear()
        self.holds = False

    def _is_loud(self, pcm: bytes) -> bool:
        self._noise.hear(power(pcm))
        return self._noise.level > min(max(self._noise.floor * _MARGIN, _FAINTEST), _LOUDEST)


_MARGIN: Final = 10 ** (MARGIN_DB / 10)
_FAINTEST: Final = 10 ** (FAINTEST_DB / 10)
_LOUDEST: Final = 10 ** (LOUDEST_DB / 10)
