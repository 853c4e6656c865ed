"""What the commands of `voicegw` share: consoles, options, statuses, and how errors are shown."""

from __future__ import annotations

import asyncio
import json
import sys
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from gateway.errors import GatewayError

out = Console(soft_wrap=True, highlight=False, emoji=False)  # else `:ab:` in an address becomes a picture
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file; voicegw.toml here by default.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


class Exit(IntEnum):
    """What the command's exit status means."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3


def fail(error: GatewayError, status: Exit) -> NoReturn:
    """Print an error with its remedy, and leave."""
    err.print(
        f"[bold red]error:[/] {plain(error.message)}"
        + (f"\n[dim]{plain(error.remedy)}[/]" if error.remedy else "")
    )
    sys.exit(status)


def plain(text: str) -> str:
    """Text for rich that is no markup."""
    return escape(text)


def own_host(host: str) -> str:
    """Where this machine reaches a gateway that listens on this address, as a URL has it."""
    return "127.0.0.1" if host in {"::", "0.0.0.0"} else f"[{host}]" if ":" in host else host


def print_json(value: Any) -> None:
    """One JSON value on one line of standard output."""
    print(json.dumps(value), flush=True)  # noqa: T201


def run(coroutine: Any) -> Any:
    """Run a coroutine as the command; Ctrl-C ends it quietly."""
    try:
        return asyncio.run(coroutine)
    except KeyboardInterrupt:
        sys.exit(130)
