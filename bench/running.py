"""What all measurements of one run share: how long they take, where, and who talks to the servers."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.network import Network
from bench.servers import Server, Side, serving
from bench.signals import Reading


@dataclass(frozen=True, slots=True)
class Scale:
    """How long to measure: the whole run, or a look."""

    calls: int
    call_seconds: float
    steady_seconds: float
    sessions: tuple[int, ...]
    plateau_seconds: float
    asking_seconds: float
    """Of a plateau of calls that talk now and then."""
    ramp_from: int
    ramp_limit: int
    sentences: int
    arrive_seconds: float
    """In which a crowd arrives."""
    questions: int


FULL: Final = Scale(3, 20.0, 16.0, (1, 8), 4.0, 12.0, 4, 120, 16, 60.0, 8)
QUICK: Final = Scale(2, 8.0, 6.0, (1, 8), 4.0, 12.0, 1, 12, 3, 15.0, 3)


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements of one run share."""

    network: Network
    scale: Scale
    speech: Path
    reading: Reading
    before: Path | None = None
    """The code of an earlier version of ours."""
    slow: tuple[str, ...] = ()
    """What a server's command begins with where it has a part of one core only; the client has the other one then."""
    carries: dict[Side, int] = field(default_factory=dict)
    """Sessions on a core, once that has been measured."""

    @property
    def folder(self) -> Path:
        """For what the client reads and writes; gone after the run."""
        return self.speech.parent

    def serving(self, side: Side, **options: Any) -> contextlib.AbstractContextManager[Server]:
        """One side's server for the length of a block; see `servers.serving`."""
        if side == "before":
            options["root"] = self.before
        if self.slow:
            options |= {"core": 0, "slow": self.slow}
        return serving(side, self.network, **options)

    def events(self, server: Server, plan: dict[str, Any], *, core: int | None = None) -> Iterator[Any]:
        """Run the client's process with a plan; its events as they come. Raises if it fails."""
        core = 1 if self.slow else core
        pinned = () if core is None else ("taskset", "-c", str(core))
        client = subprocess.Popen(
            [*self.network.client, *pinned, sys.executable, "-m", "bench.client"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        assert client.stdin is not None
        assert client.stdout is not None
        with client.stdin as pipe:
            json.dump(plan | {"url": server.url}, pipe)
        try:
            yield from map(json.loads, client.stdout)
        except BaseException:  # whoever reads this was ended
            client.kill()
            raise
        if client.wait() != 0:
            raise RuntimeError(f"the client failed: {plan['kind']}")


def rounded(value: Any, digits: int = 1) -> float:
    """A figure as it is written down."""
    return round(float(value), digits)


def span(values: Any, digits: int = 1) -> list[float]:
    """Its least and its greatest."""
    return [rounded(min(values), digits), rounded(max(values), digits)]
