"""The command `voicegw`: thin; each command hands over to the module that does it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from gateway import __version__, settings
from gateway.errors import ConfigError, GatewayError

app = typer.Typer(
    name="voicegw",
    help="A voice gateway for ESP32 devices: they talk to a Pipecat bot on your LAN, with no key and no cloud.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
devices_app = typer.Typer(help="Who may connect, and who is there.", invoke_without_command=True)
doctor_app = typer.Typer(help="Find out what is wrong.", no_args_is_help=True)
app.add_typer(devices_app, name="devices")
app.add_typer(doctor_app, name="doctor")

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

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


def main() -> None:
    """Run the command; an error of ours ends in one line with its remedy, not in a trace."""
    try:
        app()
    except GatewayError as error:
        fail(error, Exit.USAGE if isinstance(error, ConfigError) else Exit.FAILED)


def fail(error: GatewayError, status: Exit) -> NoReturn:
    """Print an error with its remedy, and leave."""
    err.print(
        f"[bold red]error:[/] {_plain(error.message)}"
        + (f"\n[dim]{_plain(error.remedy)}[/]" if error.remedy else "")
    )
    sys.exit(status)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def print_json(value: Any) -> None:
    """One JSON value on one line of standard output."""
    print(json.dumps(value), flush=True)  # noqa: T201


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and leave.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None: ...


@app.command()
def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: all).")] = None,
    port: Annotated[int | None, typer.Option(help="Port (default: 7860); 0 takes a free one.")] = None,
    bot: Annotated[
        str | None, typer.Option(help="echo, assistant, realtime, a module, or a .py file.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that calls live in.")] = None,
    open_lan: Annotated[
        bool | None, typer.Option("--open", help="Let any client of the LAN in, without a key.")
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the gateway until Ctrl-C."""
    from gateway import logs

    overrides = {
        "host": host,
        "port": port,
        "bot": bot,
        "workers": workers,
        "open": open_lan,
        "log_level": log_level,
    }
    chosen = settings.load(config, overrides)
    logs.set_up(chosen)  # before Pipecat is imported, which logs at once
    from gateway import server

    def ready(_gateway: Any, at: int) -> None:
        found = server.urls(chosen, at)
        if as_json:
            print_json({"event": "listening", "url": f"http://{_url_host(chosen.host)}:{at}", "urls": found})
            return
        out.print(
            f"[bold]voicegw {__version__}[/] is listening. Talk to it: [bold link={found[0]}]{found[0]}[/]"
        )
        for url in found[1:]:
            out.print(f"  on the LAN: {_plain(url)}")
        if chosen.open:
            out.print("[bold red]OPEN[/]: any client of the LAN may connect, without a key.")
        elif len(found) > 1:
            out.print("[dim]Devices need a key: voicegw devices add NAME[/]")

    run(server.serve(chosen, ready))


def _url_host(host: str) -> str:
    return "127.0.0.1" if host in {"::", "0.0.0.0"} else f"[{host}]" if ":" in host else host


def run(coroutine: Any) -> Any:
    """Run a coroutine as the command; Ctrl-C ends it quietly."""
    try:
        return asyncio.run(coroutine)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def talk(
    question: Annotated[
        Path | None, typer.Argument(help="A WAV file; a bundled question by default.")
    ] = None,
    url: Annotated[str, typer.Option(help="The gateway.")] = "http://127.0.0.1:7860",
    save: Annotated[Path | None, typer.Option(help="Write what came back to this WAV file.")] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="A file with the key; VOICEGW_KEY in the environment does as well.")
    ] = None,
    start: Annotated[
        bool, typer.Option("--start", help="Start a gateway of its own for this one question.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask a running gateway a recorded question; print both sides and the latencies."""
    from gateway import logs

    logs.set_up(settings.load(None, {"log_level": "WARNING"}))
    from gateway import talk as client

    show: Callable[[str], None] = (lambda _: None) if as_json else lambda line: out.print(_plain(line))
    try:
        result = run(
            client.ask(
                client.read_question(question),
                url=url,
                key=settings.client_key(key_file),
                start=start,
                show=show,
            )
        )
    except client.Unreachable as error:
        fail(error, Exit.UNREACHABLE)
    if save is not None:
        client.write_wav(save, result.audio)
    if as_json:
        print_json(result.as_dict())
    else:
        print(result.last_line())  # noqa: T201 -- never wrapped or styled: scripts read it
    sys.exit(Exit.OK if result.answered else Exit.FAILED)


@devices_app.callback()
def devices(
    context: typer.Context,
    config: ConfigOption = None,
    seconds: Annotated[float, typer.Option(help="How long to listen on the LAN.")] = 2.0,
    as_json: JsonOption = False,
) -> None:
    """List the devices that are enrolled and those that the LAN announces."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    rows = run(_list_devices(settings.load(config), seconds))
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("No devices yet. Enrol one: voicegw devices add NAME")
        return
    table = Table("name", "role", "state", "address", "board", "firmware", "last seen", box=None)
    for row in rows:
        table.add_row(
            *(str(row[k] or "") for k in ("name", "role", "state", "address", "board", "fw", "last_seen"))
        )
    out.print(table)


async def _list_devices(chosen: settings.Settings, seconds: float) -> list[dict[str, Any]]:
    from gateway import discovery
    from gateway.devices import open_registry

    addresses = discovery.lan_addresses()
    found = (
        {f.name: f for f in await discovery.scan(discovery.DEVICE_TYPE, seconds, addresses)}
        if addresses
        else {}
    )
    rows = []
    async with open_registry(chosen.data_dir) as registry:
        for device in await registry.all():
            seen = found.pop(device.name, None)
            state = (
                "revoked"
                if device.revoked_at
                else seen.properties.get("state", "on the LAN")
                if seen
                else "away"
            )
            address = seen.address if seen else device.address
            rows.append(
                _row(device.name, str(device.role), state, address, device.board, device.fw, device.last_seen)
            )
    for stranger in found.values():
        p = stranger.properties
        rows.append(
            _row(stranger.name, "", "not enrolled", stranger.address, p.get("board"), p.get("fw"), None)
        )
    return rows


def _row(
    name: str,
    role: str,
    state: str,
    address: str | None,
    board: str | None,
    fw: str | None,
    seen: float | None,
) -> dict[str, Any]:
    from datetime import datetime

    at = datetime.fromtimestamp(seen).astimezone().isoformat(" ", "seconds") if seen else None
    return {
        "name": name,
        "role": role,
        "state": state,
        "address": address,
        "board": board,
        "fw": fw,
        "last_seen": at,
    }


@devices_app.command("add")
def devices_add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Letters, digits, '.', '_' and '-'.")],
    role: Annotated[str, typer.Option(help="device: may talk; operator: may also see the page.")] = "device",
    as_json: JsonOption = False,
) -> None:
    """Enrol a device and show its key, once."""
    from gateway.devices import Role, open_registry

    try:
        wanted = Role(role)
    except ValueError:
        raise ConfigError(f"there is no role {role}", remedy="use device or operator") from None

    async def add() -> tuple[Any, str]:
        async with open_registry(settings.load(context.obj).data_dir) as registry:
            return await registry.add(name, wanted)

    device, key = run(add())
    if as_json:
        print_json({"id": device.id, "name": device.name, "role": str(device.role), "key": key})
        return
    out.print(f"[bold]{device.name}[/] is enrolled as {device.role}. Its key, shown this once:", style=None)
    print(key)  # noqa: T201 -- never wrapped


@devices_app.command("revoke")
def devices_revoke(context: typer.Context, name: Annotated[str, typer.Argument()]) -> None:
    """Let a device in no more; its calls end within seconds."""
    from gateway.devices import open_registry

    async def revoke() -> None:
        async with open_registry(settings.load(context.obj).data_dir) as registry:
            await registry.revoke(name)

    run(revoke())
    out.print(f"{name} is revoked.")


@doctor_app.command("sdp")
def doctor_sdp(
    file: Annotated[typer.FileText, typer.Argument(help="An offer or an answer; - for standard input.")],
    answer: Annotated[
        bool | None, typer.Option("--answer/--offer", help="Which it is [default: told by its a=setup].")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Lint an SDP against the limits of small clients; exit status 1 if it breaks one."""
    from gateway.sdp_lint import lint

    findings = lint(_with_line_ends(file), answer=answer)
    if as_json:
        print_json([{"line": f.line, "text": f.text, "rule": f.rule, "limit": f.limit} for f in findings])
    for finding in [] if as_json else findings:
        where = f"line {finding.line}" if finding.line else "whole"
        out.print(f"{where}: [bold]{finding.rule}[/]: {_plain(finding.limit)}")
        if finding.text:
            out.print(f"    {_plain(finding.text[:120])}", style="dim")
    if not findings and not as_json:
        out.print("Nothing that a small client would stumble over.")
    sys.exit(Exit.FAILED if findings else Exit.OK)


def _with_line_ends(file: typer.FileText) -> str:
    """Read a text without translating its line ends: they are part of what is linted."""
    file.reconfigure(newline="", errors="surrogateescape")  # the linter names the line of a stray byte
    return file.read()
