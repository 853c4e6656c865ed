"""`voicegw bot`: looks at a bot without a call, and brings what it lacks."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from gateway import logs, settings
from gateway.cli.common import ConfigOption, Exit, JsonOption, fail
from gateway.errors import ConfigError
from gateway.wire.template import BELOW_MAIN, LOAD_SECONDS
from ground import installing, typed
from ground.terminal import out

_LEAVE_SECONDS = 3.0
"""For what a bot's import has registered for the end, and begun."""

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
    seconds: Annotated[float, typer.Option(help="How long its import may take.")] = LOAD_SECONDS,
    as_json: JsonOption = False,
) -> None:
    """Import a bot as the gateway does; say what it lacks, and what would bring it."""
    logs.set_up(settings.load(config, {"log_level": "CRITICAL"}))
    importlib.import_module("gateway.bot.given").settle(bot)
    runner = importlib.import_module("gateway.bot.run")
    status = Exit.USAGE
    try:
        with _at_most(typed.seconds(seconds, "--seconds"), bot, as_json=as_json):
            runner.check(bot)
        if as_json:
            out.json({"ok": True})
        else:
            out.print(f"{escape(bot)} has what it needs, and `async def bot(runner_args)`.")
        status = Exit.OK
    except ConfigError as error:
        _tell(error, as_json=as_json)
    finally:
        threading.Thread(target=_leave, args=(status,), name="leave", daemon=True).start()


def _tell(error: ConfigError, *, as_json: bool) -> NoReturn:
    if not as_json:
        fail(error, Exit.USAGE)
    found = {"ok": False, "error": error.message, "remedy": error.remedy}
    out.json({**found, "requirement": getattr(error, "requirement", None)})
    sys.exit(Exit.USAGE)


@contextlib.contextmanager
def _at_most(seconds: float, bot: str, *, as_json: bool) -> Iterator[None]:
    """End the process where an import takes longer: a bot that runs itself has a loop of its own, which never ends."""

    def end(_number: int, frame: FrameType | None) -> None:
        places = [(frame.f_code.co_filename, frame.f_lineno) for frame in _callers(frame)]
        file = str(Path(bot).resolve())
        line = next((f", and is in line {line}" for name, line in places if name == file), "")
        with contextlib.suppress(SystemExit):
            _tell(
                ConfigError(f"bot {bot} is not imported within {seconds:g} s{line}", remedy=BELOW_MAIN),
                as_json=as_json,
            )
        os._exit(Exit.USAGE)  # what it runs would catch whatever is raised here

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))  # 0 would be for ever
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _leave(status: int) -> None:
    """End the process in a while: a thread that the import has started may have no end."""
    time.sleep(_LEAVE_SECONDS)
    os._exit(status)


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


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
