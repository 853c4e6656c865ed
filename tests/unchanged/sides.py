"""The two sides of the comparison: our gateway, and Pipecat's own runner, each with one bot."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.support import pipecat_runner
from tests.support.gateway import serving
from tests.unchanged.rows import one_line

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


Opened = AbstractAsyncContextManager[Side]
Meet = Callable[[Side, Path], Awaitable[list[str]]]
"""A client's call to a side, with a folder of its own; gives what is compared."""


@contextlib.asynccontextmanager
async def ours(bot: Path, environment: dict[str, str], directory: Path) -> AsyncIterator[Side]:
    """The gateway, as it ships."""
    async with serving(directory, {"bot": str(bot), "announce": False}, extra=environment) as gateway:
        yield Side("ours", gateway.url, gateway.log)


@contextlib.asynccontextmanager
async def theirs(bot: Path, environment: dict[str, str], directory: Path) -> AsyncIterator[Side]:
    """Pipecat's runner, as an author starts it."""
    directory.mkdir(parents=True, exist_ok=True)
    async with pipecat_runner.running(bot, directory, extra=environment) as url:
        yield Side("theirs", url, lambda: (directory / "runner.log").read_text(errors="replace"))


def with_bot(bot: Path, environment: dict[str, str] | None = None) -> list[Callable[[Path], Opened]]:
    """Both, ours first, with this bot."""
    return [partial(side, bot, environment or {}) for side in (ours, theirs)]


async def compared(
    meet: Meet, sides: Sequence[Callable[[Path], Opened]], directory: Path, *, at_once: bool = True
) -> list[str]:
    """Have a client call each side; gives the lines in which they differ: `+` ours has, and `-` theirs.

    Args:
        at_once: whether the machine can hold both calls.
    """
    turns = [_record(meet, side, directory / str(number)) for number, side in enumerate(sides)]
    found = await asyncio.gather(*turns) if at_once else [await turn for turn in turns]
    return differences(found[0], found[-1])


def differences(ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """In what two records differ; where both failed in the same way, that."""
    failed = [line for line in ours if line.startswith("failed")]
    return [line for line in difflib.ndiff(theirs, ours) if line[0] in "+-"] or failed


async def _record(meet: Meet, side: Callable[[Path], Opened], directory: Path) -> list[str]:
    try:
        async with side(directory) as opened:
            return await meet(opened, directory)
    except Exception as error:  # noqa: BLE001 -- a call that fails is a record too: the other side's may not
        return [f"failed: {one_line(error)}"]
