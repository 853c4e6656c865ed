"""The command `voicegw`: thin; each command hands over to the module that does it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from gateway import __version__, environment, settings
from gateway.cli import bots, devices, identity, memory, nats, tools
from gateway.cli.common import ConfigOption, Exit, JsonOption, KeyOption, UrlOption, fail, run
from gateway.errors import ConfigError, GatewayError, Unreachable
from ground import garbage, operator, pinned, rights, terminal, typed
from ground.terminal import out
from ground.trouble import Trouble

app = typer.Typer(
    name="voicegw",
    help="A voice gateway for ESP32 devices: they talk to a Pipecat bot on your LAN, with no key and no cloud.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
NatsOption = Annotated[
    str | None, typer.Option("--nats", help="Where NATS is, as nats://HOST:4222, for several machines.")
]
app.add_typer(devices.app, name="devices")
memory.add_to(devices.app)
app.add_typer(bots.app, name="bot")
app.add_typer(identity.app, name="identity")
nats.add_to(app)
tools.add_to(app)


def main() -> None:
    """Run the command; an error of ours ends in one line with its remedy, not in a trace."""
    terminal.set_up()
    try:
        app()
    except Trouble as error:
        fail(error, _status(error))


def _status(error: Trouble) -> Exit:
    if isinstance(error, Unreachable | pinned.NoAnswer):
        return Exit.UNREACHABLE
    at_fault = isinstance(error, GatewayError) and not isinstance(error, ConfigError)
    return Exit.FAILED if at_fault else Exit.USAGE


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
        str | None, typer.Option(help="echo, assistant, home_assistant, realtime, a module, or a .py file.")
    ] = None,
    media: Annotated[int | None, typer.Option(help="Media processes.")] = None,
    in_process: Annotated[
        bool | None, typer.Option("--in-process", help="Keep calls and bots in this process, for a debugger.")
    ] = None,
    open_lan: Annotated[
        bool | None, typer.Option("--open", help="Let any client of the LAN in, without a key.")
    ] = None,
    nats: NatsOption = None,
    log_level: Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page, on a desktop's terminal.")
    ] = True,
    alone: Annotated[bool, typer.Option("--alone", hidden=True)] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the gateway until Ctrl-C."""
    from gateway import logs

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(Exit.OK))  # until the server has its own
    overrides = {
        "host": host,
        "port": port,
        "bot": bot,
        "media": media,
        "in_process": in_process,
        "open": open_lan,
        "nats": {"urls": [nats]} if nats is not None else None,
        "log_level": log_level,
    }
    chosen = settings.load(config, overrides)
    if alone:  # for a question, beside another gateway of these settings, whose devices it must not speak for
        chosen = chosen.model_copy(update={"mqtt": None, "nats": None, "phone": None, "announce": False})
    rights.keep_to_itself()
    logs.set_up(chosen)  # before Pipecat is imported, which logs at once
    with garbage.left_alone():
        from gateway.cli import service
        from gateway.front import server
        from gateway.front.listening import Listener

    terminal.set_up(outlives_its_reader=True)

    def ready(gateway: Any, listener: Listener) -> None:
        service.tell("READY=1")
        if as_json:
            out.json(_listening(gateway, listener))
            return
        _welcome(gateway, listener, is_open=chosen.open)
        if browser and out.is_terminal:
            _open(gateway, listener)

    run(server.serve(chosen, ready))


def _listening(gateway: Any, listener: Any) -> dict[str, Any]:
    """The line for programs."""
    return {
        "event": "listening",
        "url": listener.url,
        "secure_url": listener.secure_url,
        "urls": listener.urls(),
        "identity": gateway.certificates.identity.pin,
    }


def _welcome(gateway: Any, listener: Any, *, is_open: bool) -> None:
    """Tell a person where to go."""
    found, pin = listener.urls(), gateway.certificates.identity.pin
    page = found[0]
    if out.is_terminal:  # a log that others read is no place for it
        page = f"{page}/enter?ticket={gateway.operators.link()}"
    out.print(
        f"[bold]voicegw {__version__}[/] is listening. Talk to it: [bold link={page}]{page}[/]",
        soft_wrap=True,
    )
    again = "That link is good once, for one browser; voicegw page makes another."
    out.print(f"[dim]{again if page != found[0] else 'A link that lets a browser in: voicegw page'}[/]")
    for url in found[1:]:
        out.print(f"  on the LAN: {escape(url)}")
    if len(found) > 1:
        out.print(f"[dim]A browser warns of its certificate once; its SHA-256 begins {pin[:16]}[/]")
    if is_open:
        out.print("[bold red]OPEN[/]: any client of the LAN may connect, without a key.")
    elif len(found) > 1:
        out.print("[dim]Devices need a key: voicegw devices add NAME[/]")


def _open(gateway: Any, listener: Any) -> None:
    """In a browser here, with a link of its own: the one that was printed stays good."""
    from gateway.cli import browser

    if browser.show(f"{listener.urls()[0]}/enter?ticket={gateway.operators.link()}"):
        out.print("[dim]It opens in your browser; --no-browser leaves that.[/]")


@app.command()
def host(
    config: ConfigOption = None,
    nats: NatsOption = None,
    name: Annotated[str | None, typer.Option(help="What this host is called (default: the machine).")] = None,
    media: Annotated[int | None, typer.Option(help="Media processes.")] = None,
    drain: Annotated[
        float, typer.Option(help="Seconds for calls to end once it is told to stop; then they move.")
    ] = 0.0,
    log_level: Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Carry calls for the gateway's fronts, which are other machines' (docs/scale.md); until Ctrl-C."""
    from gateway import logs

    overrides = {
        "nats": {"urls": [nats]} if nats is not None else None,
        "name": name,
        "media": media,
        "log_level": log_level,
    }
    drain_s = typed.seconds(drain, "--drain")
    chosen = settings.load(config, overrides)
    rights.keep_to_itself()
    logs.set_up(chosen)
    from gateway.cli import service
    from gateway.hosting import serve as hosting

    terminal.set_up(outlives_its_reader=True)

    def ready(who: Any) -> None:
        service.tell("READY=1")
        if as_json:
            out.json({"event": "hosting", "host": who.name, "instance": who.instance})
            return
        out.print(f"[bold]voicegw {__version__}[/] carries calls as host {escape(who.name)}.")

    run(hosting.serve(chosen, ready, drain_s=drain_s))


@app.command()
def page(
    url: UrlOption = None,
    key_file: KeyOption = None,
) -> None:
    """Make a link to the page for a browser: good once, and then for thirty days in that browser."""
    from gateway.cli.answers import Link
    from gateway.cli.remote import Remote

    settings.read_env()
    gateway = Remote(operator.here("localhost") if url is None else url, environment.client_key(key_file))
    found = run(gateway.ask(Link, "POST", "/api/link"))
    out.verbatim(f"{gateway.url}{found['path']}")


@app.command()
def mcp(
    url: UrlOption = None,
    key_file: KeyOption = None,
) -> None:
    """Be an MCP server on standard input and output, for agents that are to see and drive devices."""
    from gateway.cli import mcp_server
    from gateway.cli.remote import Remote

    settings.read_env()
    mcp_server.serve(Remote(url, environment.client_key(key_file)))


@app.command()
def talk(
    question: Annotated[
        Path | None, typer.Argument(help="A WAV file; a bundled question by default.")
    ] = None,
    url: UrlOption = None,
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
    from gateway.cli import talk as client

    place = None if save is None else client.place_of(save)
    show: Callable[[str], None] = (lambda _: None) if as_json else lambda line: out.print(escape(line))
    result = run(
        client.ask(
            client.read_question(question),
            url=url,
            key=environment.client_key(key_file),
            start=start,
            show=show,
        )
    )
    if place is not None:
        client.write_wav(place, result.audio)
    if as_json:
        out.json(result.as_dict())
    else:
        out.verbatim(result.last_line())
    sys.exit(Exit.OK if result.answered else Exit.FAILED)
