"""`voicegw doctor`: what keeps devices and gateway apart, and what to do about it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.markup import escape

from ground.terminal import one_line, out
from tools import findings, lan, models, report
from tools.board import boot, parts, ports
from tools.board.console import Console
from tools.errors import ToolError
from tools.findings import Finding
from tools.report import FAILED, OK

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_BROWSE_SECONDS = 2.0
_FIGURES_SECONDS = 2.0


@app.command()
def doctor(
    port: Annotated[
        str | None, typer.Option(help="Port of a board to examine; the one that is there.")
    ] = None,
    gateway: Annotated[str | None, typer.Option(help="The gateway's URL; found by itself.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Look at network, firewall, ports, versions, gateway and board; exit status 1 if something is wrong."""

    def run() -> int:
        found = []
        for finding in examine(port, gateway):
            found.append(finding)
            if not as_json:
                _show(finding)
        if as_json:
            out.json([{"what": f.what, "well": f.well, "text": f.text, "remedy": f.remedy} for f in found])
        return FAILED if any(f.well is False for f in found) else OK

    report.guard(run, as_json=as_json)


def examine(port: str | None, gateway: str | None) -> Iterator[Finding]:
    """Everything that can be looked at, in the order in which a person would."""
    yield from findings.installed()
    yield from findings.network()
    yield from findings.firewall()
    yield from findings.gateway(gateway)
    yield from models.local_models()
    yield from announced()
    yield from findings.serial_ports()
    yield from board(port)


def announced() -> Iterator[Finding]:
    """The devices that the LAN announces, with their firmware and what last went wrong."""
    try:
        found = lan.browse(lan.DEVICES, _BROWSE_SECONDS)
    except OSError as error:
        if lan.interfaces():  # else that is said already
            yield Finding("mDNS", False, *lan.why_not(error))
        return
    yield from map(of_device, found)


def of_device(device: lan.Service) -> Finding:
    """By what it announces. One that is live is well, whatever went wrong before, unless a part of it fails."""
    values = device.properties
    state, reason = values.get("state", "?"), values.get("reason", "")
    text = f"{device.name}: {values.get('board', '?')} {values.get('fw', '?')}, {state}"
    text += f", last failure {reason}" if reason else ""
    if fault := values.get("fault"):
        return Finding("device", False, f"{text}; {parts.cause_of(fault)}", parts.remedy_of(fault))
    return Finding("device", None if reason and state != "live" else True, text)


def board(port: str | None) -> Iterator[Finding]:
    """The board on a port: how far it is, and whether sound gets through both ways.

    With no port given, the one that is there; none or several are no finding.
    """
    try:
        chosen = ports.pick(port)
        with contextlib.closing(Console(chosen)) as console:
            yield from _of_board(console)
    except ToolError as error:
        if port is not None:
            yield Finding("board", False, error.cause, error.remedy)


def _of_board(console: Console) -> Iterator[Finding]:
    state = console.ask("state")
    yield Finding("board", True, f"{state.get('board')} {state.get('fw')}, {state.get('state')}")
    if fault := state.get("fault"):
        yield Finding("board", False, parts.cause_of(fault), parts.remedy_of(fault))
    if state.get("state") != "live":
        reason = str(state.get("last_failure", ""))
        cause, remedy = boot.cause_of("" if reason == "none" else reason)
        yield Finding("board", False, f"it is not live: {cause}", remedy)
        return
    yield from _both_ways(console, str(state.get("id", "")))


def _both_ways(console: Console, device_id: str) -> Iterator[Finding]:
    """UDP, seen from both ends: what the device receives grows, and the gateway calls the session live."""
    before = console.ask("figures").get("received", 0)
    for _ in console.lines(_FIGURES_SECONDS):
        pass
    came = int(console.ask("figures").get("received", 0)) - int(before)
    allow = "let UDP through the firewalls between them; no client isolation on the Wi-Fi"
    yield Finding(
        "UDP",
        came > 0,
        f"gateway to board: {came} packets in {_FIGURES_SECONDS:.0f} s",
        "" if came > 0 else allow,
    )
    live = console.ask("state").get("state") == "live"  # it leaves a gateway that no longer hears it
    yield Finding(
        "UDP",
        live,
        f"board {device_id} to gateway: {'heard' if live else 'not heard'}",
        "" if live else allow,
    )


def _show(finding: Finding) -> None:
    mark = {True: "[green]✓[/]", False: "[bold red]✗[/]", None: "[yellow]![/]"}[finding.well]
    out.print(f"{mark} {escape(finding.what)}: {escape(one_line(finding.text))}")
    if finding.remedy and finding.well is not True:
        out.print(f"    [dim]{escape(finding.remedy)}[/]")


if __name__ == "__main__":
    app()
