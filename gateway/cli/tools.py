"""The tools of the maker's computer as commands: `tools/` is handed what follows the command's name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from gateway.cli.common import Exit, JsonOption
from ground import text
from ground.terminal import out

TOOLS = {
    "flash": "Flash a board, give it its settings and a key, and follow it until it is live.",
    "build": "Build the firmware for a board.",
    "provision": "Give a board that runs its Wi-Fi and settings; read back what it holds.",
    "monitor": "Show a board's log, with crashes decoded; what is typed goes to its console.",
}
_AS_IT_IS = {"allow_extra_args": True, "ignore_unknown_options": True}

doctor_app = typer.Typer(help="Find out what is wrong.")


def add_to(app: typer.Typer) -> None:
    """Add a command for each tool."""
    app.add_typer(doctor_app, name="doctor")
    for name, what in TOOLS.items():
        app.command(name, help=what, add_help_option=False, context_settings=_AS_IT_IS)(hand_over)


def hand_over(context: typer.Context) -> None:
    """Run the tool that the command is named for; it ends this process."""
    run_tool(str(context.info_name), context.args)


def run_tool(name: str, arguments: list[str]) -> None:
    """Run a tool with these arguments."""
    importlib.import_module(f"tools.{name}").app(arguments, prog_name=f"voicegw {name}")


def plugged_in() -> list[tuple[str, str]]:
    """The serial ports that may be a board, and why."""
    return [(found.device, found.why) for found in importlib.import_module("tools.board.ports").candidates()]


@doctor_app.callback(invoke_without_command=True, context_settings=_AS_IT_IS)
def doctor(
    context: typer.Context,
    port: Annotated[
        str | None, typer.Option(help="Port of a board to examine; the one that is there.")
    ] = None,
    gateway: Annotated[str | None, typer.Option(help="The gateway's URL; found by itself.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at network, firewall, ports, versions, gateway and board; exit status 1 if something is wrong."""
    if context.invoked_subcommand is not None:
        return
    given = {"--port": port, "--gateway": gateway}
    arguments = [text for option, value in given.items() if value is not None for text in (option, value)]
    run_tool("doctor", [*arguments, *(["--json"] if as_json else [])])


@doctor_app.command("sdp")
def doctor_sdp(
    file: Annotated[Path, typer.Argument(help="An offer or an answer; - for standard input.")],
    answer: Annotated[
        bool | None, typer.Option("--answer/--offer", help="Which it is [default: told by its a=setup].")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Lint an SDP against the limits of small clients; exit status 1 if it breaks one."""
    from gateway.wire.sdp_lint import lint

    findings = lint(_sdp(file), answer=answer)
    if as_json:
        out.json([{"line": f.line, "text": f.text, "rule": f.rule, "limit": f.limit} for f in findings])
    for finding in [] if as_json else findings:
        where = f"line {finding.line}" if finding.line else "whole"
        out.print(f"{where}: [bold]{finding.rule}[/]: {escape(finding.limit)}")
        if finding.text:
            out.print(f"    {escape(finding.text[:120])}", style="dim")
    if not findings and not as_json:
        out.print("Nothing that a small client would stumble over.")
    sys.exit(Exit.FAILED if findings else Exit.OK)


def _sdp(file: Path) -> str:
    """A text as it is: the linter names the line of a stray byte, and of a wrong line end."""
    if str(file) == "-":
        return text.decode(sys.stdin.buffer.read(text.MOST), "standard input", strict=False)
    return text.read(file, strict=False)
