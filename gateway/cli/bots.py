"""`voicegw bot`: looks at a bot without a call, and brings what it lacks."""

from __future__ import annotations

import contextlib
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from gateway import logs, settings
from gateway.cli.common import ConfigOption, JsonOption
from gateway.errors import ConfigError
from ground import installing
from ground.terminal import out

app = typer.Typer(help="Look at a bot without a call.", no_args_is_help=True)
BotArgument = Annotated[
    str, typer.Argument(help="echo, assistant, home_assistant, realtime, a module, or a .py file.")
]


@app.callback()
def _root() -> None: ...


@app.command()
def check(
    bot: BotArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import a bot as the gateway does; say what it lacks, and what would bring it."""
    logs.set_up(settings.load(config, {"log_level": "CRITICAL"}))
    importlib.import_module("gateway.bot.given").settle(bot)
    try:
        importlib.import_module("gateway.bot.run").check(bot)
    except ConfigError as error:
        if not as_json:
            raise
        found = {"ok": False, "error": error.message, "remedy": error.remedy}
        out.json({**found, "requirement": getattr(error, "requirement", None)})
        raise typer.Exit(2) from None
    if as_json:
        out.json({"ok": True})
    else:
        out.print(f"{escape(bot)} has what it needs, and `async def bot(runner_args)`.")


@app.command()
def install(bot: BotArgument, config: ConfigOption = None) -> None:
    """Bring what a bot's imports lack into the environment that the gateway runs in, until it imports.

    Extras of Pipecat and packages that are known; one that only has the name of a module is left to you.
    """
    brought: set[str] = set()
    while not (found := _checked(bot, config))["ok"]:
        requirement = found.get("requirement")
        if requirement is None or requirement in brought:
            raise ConfigError(found["error"], remedy=found["remedy"])
        _bring(requirement)
        brought.add(requirement)
    out.print(f"{escape(bot)} has what it needs{' now' if brought else ''}.")


def _checked(bot: str, config: Path | None) -> dict[str, Any]:
    """What `check` says, in a process that has imported nothing yet."""
    options = [] if config is None else ["--config", str(config)]
    command = [sys.executable, "-m", "gateway", "bot", "check", bot, "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    for line in reversed(done.stdout.splitlines()):  # a bot may print, as it is imported and at its end
        with contextlib.suppress(ValueError, RecursionError):
            found: Any = json.loads(line)
            if isinstance(found, dict) and "ok" in found:
                return found
    raise ConfigError(f"bot {bot} cannot be looked at", remedy=done.stderr.strip() or "run it by itself")


def _bring(requirement: str) -> None:
    line = installing.line(requirement)
    out.print(escape(line), soft_wrap=True)
    try:
        status = subprocess.run(installing.command(requirement), check=False).returncode
    except OSError as error:
        raise ConfigError(f"{line}: {error.strerror}", remedy="run it by hand") from None
    if status:
        raise ConfigError(f"{line}: exit status {status}", remedy="see what it says above")
