"""The two sides of the comparison: our gateway, and Pipecat's own runner, each with one bot."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support import pipecat_runner
from tests.support.gateway import serving

_EVENT = re.compile(r"EVENT (.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Side:
    """A server with a bot. `printed` gives its output so far."""

    name: str
    url: str
    printed: Callable[[], str]

    def events(self) -> list[str]:
        """What the bot has said of itself, in order."""
        return [found[1] for line in self.printed().splitlines() if (found := _EVENT.search(line))]


@contextlib.asynccontextmanager
async def ours(bot: Path, directory: Path, environment: dict[str, str]) -> AsyncIterator[Side]:
    """The gateway, as it ships."""
    async with serving(directory, {"bot": str(bot), "announce": False}, extra=environment) as gateway:
        yield Side("ours", gateway.url, gateway.log)


@contextlib.asynccontextmanager
async def theirs(bot: Path, directory: Path, environment: dict[str, str]) -> AsyncIterator[Side]:
    """Pipecat's runner, as an author starts it."""
    directory.mkdir(parents=True, exist_ok=True)
    async with pipecat_runner.running(bot, directory, extra=environment) as url:
        yield Side("theirs", url, lambda: (directory / "runner.log").read_text(errors="replace"))


SIDES = (ours, theirs)
