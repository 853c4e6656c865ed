"""How much more a place can carry, as it measures itself; pure."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from gateway.wire.calls import Wire

TIERS: Final = (3, 2, 1, 0)
"""Quarters of what a host can carry, the emptiest first."""
FULL_CPU: Final = 0.85
"""Of the machine's CPUs in use: above, sound stutters (docs/performance.md)."""
FULL_LAG_MS: Final = 60.0
"""How late an event loop may be: a bot's sound is as much ahead of what is played."""


Count = Annotated[int, Field(ge=0, le=2**53)]
Figure = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]


class Headroom(Wire):
    """What a place says of itself, from which the rest follows: filled in where it is measured, and nowhere else."""

    calls: Count
    most: Count
    """That it may have, by its settings."""
    load: Figure = 0.0
    """How full its emptiest media process is by what its calls take (front/places/headroom.py); 1 is full."""
    cpu: Figure = 0.0
    """The share of the machine's CPUs that is in use, 0 to 1."""
    lag_ms: Figure = 0.0
    """How late its event loop is."""
    failing: bool = False
    """Its bot could not begin a moment ago: it is asked last."""
    draining: bool = False
    """It takes no more."""

    @property
    def takes(self) -> bool:
        """Whether it takes one more. One that is busy is asked last; whether it may refuse is its own to say."""
        return not self.draining and self.calls < self.most

    @property
    def share(self) -> float:
        """What is left of it, 0 to 1, by whatever is scarcest."""
        if not self.takes or self.failing:
            return 0.0
        left = (
            1 - self.calls / self.most,
            1 - self.load,
            1 - self.cpu / FULL_CPU,
            1 - self.lag_ms / FULL_LAG_MS,
        )
        return max(0.0, min(1.0, *left))

    @property
    def tier(self) -> int | None:
        """The tier that it takes calls in; `None` while it takes none."""
        return min(TIERS[0], int(self.share * len(TIERS))) if self.takes else None
