"""`voicegw monitor`: what a board says, with its crashes decoded and its events in words."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from ground import typed
from ground.terminal import err, out, plain
from tools import report
from tools.board import ports, traces
from tools.board.console import Console
from tools.board.logline import Answer, Event, Line, Log, Refusal, complaint
from tools.board.traces import Decoder, Frame
from tools.errors import ConsoleError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_TURN_SECONDS = 0.5


@app.command()
def monitor(
    port: Annotated[
        str | None, typer.Option(help="Serial port, or a URL such as rfc2217://HOST:PORT.")
    ] = None,
    elf: Annotated[
        Path | None, typer.Option(help="The firmware's ELF, to decode crashes; found by itself.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Reset the board first.")] = False,
    send: Annotated[
        list[str] | None, typer.Option(help="Console command to send first; may be repeated.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="End after this long; else at Ctrl-C.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON for each line, for scripts.")
    ] = False,
) -> None:
    """Show a board's log. Lines that are typed go to its console; `help` lists its commands."""

    def run() -> None:
        until = None if seconds is None else typed.seconds(seconds, "--seconds")
        decoder = _decoder(elf)
        with contextlib.closing(Console(ports.pick(port))) as console:
            if reset:
                console.reset()
            for command in send or ():
                console.send(command)
            if sys.stdin.isatty():
                threading.Thread(target=_type, args=(console,), name="keyboard", daemon=True).start()
            for shown in follow(console, decoder, until):
                out.json(shown) if as_json else show(shown)

    report.guard(run, as_json=as_json)


def _decoder(given: Path | None) -> Decoder | None:
    elf = traces.find_elf(given)
    if elf is None:
        return None
    prefix = traces.toolchain(elf)
    if prefix is None:
        err.print(
            f"[dim]crashes are not decoded: there is no addr2line for {escape(str(elf))}; see voicegw build[/]"
        )
        return None
    return Decoder(elf, prefix)


def _type(console: Console) -> None:
    for line in sys.stdin.buffer:  # in whatever encoding: the board says what it makes of it
        with contextlib.suppress(ConsoleError):
            console.write(line.rstrip(b"\n") + b"\n")


def follow(console: Console, decoder: Decoder | None, seconds: float | None) -> Iterator[dict[str, Any]]:
    """What the board says, each line as `{"type": …}`.

    Types are `log`, `event`, `answer`, `refusal`, `trace`, `core`, `complaint`, and `port` when the board goes away
    and comes back.
    """
    until = time.monotonic() + seconds if seconds is not None else float("inf")
    there = True
    while time.monotonic() < until:
        for line in console.lines(min(_TURN_SECONDS, until - time.monotonic())):
            yield from _describe(line, decoder)
        if console.is_there != there:
            there = console.is_there
            yield {"type": "port", "there": there}


def _describe(line: Line, decoder: Decoder | None) -> Iterator[dict[str, Any]]:
    if isinstance(line, Event):
        yield {"type": "event", **line.values}
    elif isinstance(line, Answer):
        yield {"type": "answer", "values": dict(line.values)}
    elif isinstance(line, Refusal):
        yield {"type": "refusal", "error": line.error, "remedy": line.remedy}
    else:
        yield from _describe_log(line, decoder)


def _describe_log(line: Log, decoder: Decoder | None) -> Iterator[dict[str, Any]]:
    core = decoder.core(line.text) if decoder is not None else None
    if decoder is None or not decoder.in_core:
        yield {"type": "log", "text": line.text}
    if core is not None:
        yield {"type": "core", "text": core}
    found = complaint(line.text)
    if found is not None:
        yield {"type": "complaint", "cause": found[0], "remedy": found[1]}
    frames = decoder.frames(line.text) if decoder is not None else []
    if frames:
        yield {"type": "trace", "frames": [_as_dict(frame) for frame in frames]}


def _as_dict(frame: Frame) -> dict[str, str]:
    return {"address": frame.address, "function": frame.function, "place": frame.place}


def show(what: dict[str, Any]) -> None:
    """Print it for a person."""
    kind = what["type"]
    if kind == "log":
        out.print(_shown(what["text"]))
    elif kind == "event":
        out.print(f"[bold cyan]●[/] {_shown(in_words(what))}")
    elif kind == "answer":
        out.print(f"[green]✓[/] {_shown(_pairs(what['values']) or 'done')}")
    elif kind == "refusal":
        out.print(f"[red]✗[/] {_shown(what['error'])} [dim]{_shown(what['remedy'])}[/]")
    elif kind == "complaint":
        out.print(f"[bold red]→[/] {_shown(what['cause'])}\n  [dim]{_shown(what['remedy'])}[/]")
    elif kind == "core":
        out.print(_shown(what["text"]))
    elif kind == "port":
        out.print(f"[dim]— the board {'is back' if what['there'] else 'went away'} —[/]")
    else:
        for frame in what["frames"]:
            out.print(
                f"  [yellow]{_shown(frame['function'])}[/] at {_shown(frame['place'])} [dim]{frame['address']}[/]"
            )


def _shown(text: str) -> str:
    """Text of the device's, also what JSON spelt out in it, for a person's terminal."""
    return escape(plain(text))


def in_words(event: dict[str, Any]) -> str:
    """An event of the device as a sentence."""
    kind = event.get("event")
    if kind == "state":
        reason = event.get("reason")
        return f"{event.get('state')}" + (f" ({reason})" if reason not in {None, "", "none"} else "")
    if kind == "transcript":
        return f"{event.get('who')}: {event.get('text')}" + ("" if event.get("final", True) else " …")
    if kind == "speaking":
        return f"{event.get('who')} {'speaks' if event.get('on') else 'is silent'}"
    return f"{kind} {_pairs({k: v for k, v in event.items() if k not in {'event', 'type'}})}".strip()


def _pairs(values: dict[str, Any]) -> str:
    return "  ".join(f"{k}={v}" for k, v in values.items())


if __name__ == "__main__":
    app()
