"""`make unchanged`: stock bots and clients at our gateway and at Pipecat's own runner, and what differs."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.unchanged import alone, bundle, clients, engines, examples, script, services
from tests.unchanged.needs import lacking
from tests.unchanged.rows import WHOLE_SECONDS, Row, Table
from tests.unchanged.sides import Side, compared, with_bot

BOTS = Path(__file__).parent / "bots"


def bots(url: str) -> list[Row]:
    """Every bot's, with an OpenAI-compatible server at this URL."""
    environment = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}
    return [Row("bot", name, partial(_bot, name, environment)) for name in script.SCRIPTS]


async def _bot(name: str, environment: dict[str, str], directory: Path) -> list[str]:
    async def converse(side: Side, _directory: Path) -> list[str]:
        return await script.talk(name, side, alone.ADDRESS)

    return await compared(converse, with_bot(BOTS / f"{name}.py", environment), directory)


def say(line: str, *more: str) -> None:
    """Print a row of the table, and what it is about."""
    print("\n    ".join([line, *more]), flush=True)  # noqa: T201 -- what this is for


def fill(rows: Sequence[Row], directory: Path, seconds: float, at_once: int = 1) -> int:
    """Run these rows, and print how many are the same, even if it is broken off; the exit status."""
    table = Table(rows, say)
    try:
        asyncio.run(table.fill(directory, seconds, at_once))
    finally:
        say(table.summary())
    return 0 if table.all_same else 1


def run(options: argparse.Namespace, keep: Path) -> int:
    """The comparison with what is in this repository."""
    with engines.serving() as url:
        every = [*bots(url), *clients.rows()]
        if unknown := set(options.names) - {row.name for row in every}:
            sys.exit(
                f"error: there is no {', '.join(sorted(unknown))}\nthere are: {' '.join(r.name for r in every)}"
            )
        chosen = [row for row in every if not options.names or row.name in options.names]
        return fill(chosen, keep, options.minutes * 60)


def run_examples(options: argparse.Namespace, keep: Path, temporary: Path) -> int:
    """Those of Pipecat's own that need nothing but what is played here; the exit status."""
    with (
        alone.leading_here(services.NAMES, temporary),
        engines.serving() as url,
        services.serving(temporary) as environment,
    ):
        own = {**environment, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}
        rows = examples.rows(options.examples, options.names, own, say)
        return fill(rows, keep, options.minutes * 60, examples.AT_ONCE)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make unchanged", description=__doc__)
    parser.add_argument("names", nargs="*", help="bots and clients; all by default")
    parser.add_argument("--keep", type=Path, help="a folder for logs")
    parser.add_argument("--minutes", type=float, default=WHOLE_SECONDS / 60, help="no longer than this")
    parser.add_argument("--examples", type=Path, help="Pipecat's examples/, which are run instead")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # what it has started ends, and it says how far it came
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as temporary, alone.on_a_lan():
        keep = options.keep or Path(temporary)
        if options.examples is not None:
            return run_examples(options, keep, Path(temporary))
        return run(options, keep)


def _prepare() -> None:
    if (line := lacking()) is not None:
        sys.exit(f"error: something is missing here\nfirst run, as root: {line}")
    if "--examples" not in sys.argv:
        bundle.make()
    alone.enter()  # before there is a thread, which would stay outside


if __name__ == "__main__":
    _prepare()
    sys.exit(main())
