"""What the commands of `voicegw` share: consoles, options, statuses, and how errors are shown."""

from __future__ import annotations

import asyncio
import sys
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from ground.terminal import err
from ground.trouble import Trouble

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file; voicegw.toml here by default.")
]
UrlOption = Annotated[str | None, typer.Option(help="The gateway; the one of this machine by default.")]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key-file", help="A file with an operator's key; VOICEGW_KEY in the environment does as well."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


class Exit(IntEnum):
    """What the command's exit status means."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3


def fail(error: Trouble, status: Exit) -> NoReturn:
    """Print an error with its remedy, and leave."""
    err.print(
        f"[bold red]error:[/] {escape(error.message)}"
        + (f"\n[dim]{escape(error.remedy)}[/]" if error.remedy else "")
    )
    sys.exit(status)


def own_host(host: str) -> str:
    """Where this machine reaches a gateway that listens on this address, as a URL has it."""
    return "127.0.0.1" if host in {"::", "0.0.0.0"} else f"[{host}]" if ":" in host else host


def run(coroutine: Any) -> Any:
    """Run a coroutine as the command; Ctrl-C ends it quietly."""
    try:
        return asyncio.run(coroutine)
    except KeyboardInterrupt:
        sys.exit(130)
