"""`voicegw bot`: looks at a bot without a call."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer
from rich.markup import escape

from gateway import logs, settings
from gateway.cli.common import ConfigOption
from ground.terminal import out

app = typer.Typer(help="Look at a bot without a call.", no_args_is_help=True)


@app.callback()
def _root() -> None: ...


@app.command()
def check(
    bot: Annotated[
        str, typer.Argument(help="echo, assistant, home_assistant, realtime, a module, or a .py file.")
    ],
    config: ConfigOption = None,
) -> None:
    """Import a bot as the gateway does; say what it lacks, and what would bring it."""
    logs.set_up(settings.load(config, {"log_level": "CRITICAL"}))
    importlib.import_module("gateway.bot.given").settle(bot)
    importlib.import_module("gateway.bot.run").check(bot)
    out.print(f"{escape(bot)} has what it needs, and `async def bot(runner_args)`.")
