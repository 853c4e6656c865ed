"""`make unchanged`: stock bots and clients at our gateway and at Pipecat's own runner, and what differs."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import sys
import tempfile
from pathlib import Path

from tests.unchanged import alone, bundle, engines, examples, script, services
from tests.unchanged.clients import CLIENTS, Met, lacking, meet
from tests.unchanged.sides import SIDES

BOTS = Path(__file__).parent / "bots"


async def compare(name: str, bot: Path, directory: Path, url: str) -> list[str]:
    """The lines in which a bot's conversations differ; none where they are the same."""
    environment = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}
    found = []
    for open_side in SIDES:
        async with open_side(bot, directory / f"{name}-{open_side.__name__}", environment) as side:
            found.append(await script.talk(name, side, alone.ADDRESS))
    ours, theirs = found
    failed = [f"both {line}" for line in ours if line.startswith("failed") and ours == theirs]
    return failed or [line for line in difflib.ndiff(theirs, ours) if line[0] in "+-"]


async def bots(chosen: set[str], directory: Path) -> tuple[int, int]:
    """Compare those; gives how many are the same, and how many there are."""
    same = 0
    names = [name for name in script.SCRIPTS if not chosen or name in chosen]
    with engines.serving() as url:
        for name in names:
            try:
                differ = await compare(name, BOTS / f"{name}.py", directory, url)
            except (AssertionError, OSError) as error:
                differ = [f"failed: {str(error)[-600:]}"]
            same += not differ
            say(f"bot {name:22} {'same' if not differ else 'differs'}", *differ)
    return same, len(names)


async def clients(chosen: set[str], directory: Path) -> tuple[int, int]:
    """Have the clients call both sides; gives how many fare the same, and how many there are."""
    same = 0
    names = [name for name in CLIENTS if not chosen or name in chosen]
    for name in names:
        met: Met = await meet(name, directory / f"client-{name}")
        same += met.same
        say(f"client {name:19} {'same' if met.same else 'differs'}", *met.lines)
    return same, len(names)


def say(line: str, *more: str) -> None:
    """Print a row of the table, and what it is about."""
    print("\n    ".join([line, *more]), flush=True)  # noqa: T201 -- what this is for


async def run(chosen: set[str], directory: Path) -> int:
    """The whole comparison; the exit status."""
    own_bots = chosen & set(script.SCRIPTS) if chosen else set()
    own_clients = chosen & set(CLIENTS) if chosen else set()
    found = []
    for part, wanted in ((bots, own_bots), (clients, own_clients)):
        found.append(await part(wanted, directory) if wanted or not chosen else (0, 0))
    (same, count), (met, callers) = found
    say(f"bots same={same} of {count} clients same={met} of {callers}")
    return 0 if (same, met) == (count, callers) else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="make unchanged", description=__doc__)
    parser.add_argument("names", nargs="*", help="bots and clients; all by default")
    parser.add_argument("--keep", type=Path, help="a folder for logs")
    parser.add_argument("--examples", type=Path, help="Pipecat's examples/, which are run instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, alone.on_a_lan():
        keep = options.keep or Path(temporary)
        if options.examples is not None:
            return run_examples(options.examples, set(options.names), keep, Path(temporary))
        return asyncio.run(run(set(options.names), keep))


def run_examples(folder: Path, chosen: set[str], keep: Path, temporary: Path) -> int:
    """Those of Pipecat's own that need nothing but what is played here; the exit status."""
    with (
        alone.leading_here(services.NAMES, temporary),
        engines.serving() as url,
        services.serving(temporary) as environment,
    ):
        own = {**environment, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}
        same, count = asyncio.run(examples.run(folder, chosen, keep, own, say))
    say(f"examples same={same} of {count}")
    return 0 if same == count else 1


def _prepare() -> None:
    if (line := lacking()) is not None:
        sys.exit(f"error: something is missing here\nfirst run, as root: {line}")
    if "--examples" not in sys.argv:
        bundle.make()
    alone.enter()  # before there is a thread, which would stay outside


if __name__ == "__main__":
    _prepare()
    sys.exit(main())
