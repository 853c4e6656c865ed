"""Whether one more call has room: what those that are there take, and how late it runs. Pure.

A media process is one thread: it is full when that is busy, or when whatever else runs on the machine keeps it from
running in time. All processes of the gateway together are full when the cores that they may have are busy with them: it
is bots, below the media, that would be late first. Both are judged over some seconds, since a call that begins is a
moment's work for many at once.
"""

from __future__ import annotations

import itertools
import statistics
from collections import deque
from dataclasses import dataclass
from typing import Final

from gateway.errors import Busy

BEATS: Final = 10
"""Heartbeats that are looked back over: five seconds."""
FULL: Final = 0.85
"""The share of its core at which a media process is full: beyond, sound waits for sound. Likewise of all cores."""
MOST_OF_NEW: Final = 0.1
"""Of what there is, that one more call is taken to take at most: it may be silent for long."""
LATE_SECONDS: Final = 0.05
"""What its timers may be late by on the median; a packet of sound is 20 ms."""
LEFT_MB: Final = 128.0
"""Of the machine's memory, or of what its cgroup may have, that is not given to one more call."""
A_CALL: Final = 0.02
"""What a call takes of a core, before one has been measured: more than in docs/performance.md."""
_RETRY_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat: seconds of CPU since the process started, by how many its timer was late, and calls that it had."""

    at: float
    cpu_s: float
    late_s: float
    calls: int


class Headroom:
    """That of one media process, or of all processes together; times in seconds of one monotonic clock.

    Args:
        cores: that there are for it.
    """

    def __init__(self, cores: float = 1.0) -> None:
        self._cores, self._full = cores, FULL * cores
        self._beats: deque[Beat] = deque(maxlen=BEATS)
        self._begun: deque[float] = deque(maxlen=1_000)

    def beat(self, beat: Beat) -> None:
        """Take a heartbeat."""
        self._beats.append(beat)

    def begun(self, now: float) -> None:
        """A call begins, which no heartbeat tells of yet."""
        self._begun.append(now)

    @property
    def core(self) -> float:
        """How much of a core it takes, or of how many, on the median; 0 until it has been looked at for a while."""
        if len(self._beats) < BEATS:
            return 0.0
        pairs = itertools.pairwise(self._beats)
        shares = [(b.cpu_s - a.cpu_s) / (b.at - a.at) for a, b in pairs if b.at > a.at]
        return statistics.median(shares) if shares else 0.0

    @property
    def late_s(self) -> float:
        """How late its timers are, on the median; 0 until it has been looked at for a while."""
        if len(self._beats) < BEATS:
            return 0.0
        return statistics.median(beat.late_s for beat in self._beats)

    def load(self, calls: int, now: float) -> float:
        """How full it is: 1 and more is full.

        Args:
            calls: that it has, with those that begin.
            now: the time.
        """
        young = min(calls, sum(at > now - BEATS / 2 for at in self._begun))
        taken = (self.core + young * self._each) / self._full
        return max(taken, self.late_s / LATE_SECONDS if calls else 0.0)

    @property
    def _each(self) -> float:
        """What a call takes of a core."""
        had = statistics.median(beat.calls for beat in self._beats) if self._beats else 0
        return max(self.core / had, A_CALL / 4) if had else A_CALL

    def check(self, calls: int, now: float) -> None:
        """Say no where one more would be at the cost of those that a media process has.

        Raises:
            Busy: it would.
        """
        if calls and self.load(calls, now) >= 1:
            why = f"takes {self.core:.0%} of a core and is {1000 * self.late_s:.0f} ms late"
            raise Busy(
                f"the media process {why} with {calls} calls",
                remedy="try again in a few seconds; raise the setting media on a machine with more cores",
                retry_s=_RETRY_SECONDS,
            )

    def check_all(self, calls: int, now: float) -> None:
        """The same of all processes, one more counted in: bots have no priority to fall back on.

        Raises:
            Busy: it would.
        """
        if calls and self.load(calls, now) + min(self._each / self._full, MOST_OF_NEW) >= 1:
            raise Busy(
                f"{calls} calls take {self.core:.1f} of {self._cores:g} cores",
                remedy="try again in a few seconds; calls_per_bot_process saves some, and there is voicegw host",
                retry_s=_RETRY_SECONDS,
            )


def check_memory(left_mb: float | None, calls: int) -> None:
    """Say no before the system ends somebody.

    Args:
        left_mb: what there is left; `None` where the system does not tell.
        calls: that there are.

    Raises:
        Busy: there is too little.
    """
    if calls and left_mb is not None and left_mb < LEFT_MB:
        raise Busy(
            f"{left_mb:.0f} MB of memory are left, with {calls} calls",
            remedy="end one, or give the gateway more; the setting calls_per_bot_process saves some",
            retry_s=_RETRY_SECONDS,
        )
