"""`python -m tools.devices`: what is on the LAN and on the ports. `voicegw devices` adds who is enrolled."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ground import typed
from ground.terminal import err, out
from tools import lan, report
from tools.board import ports

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def devices(
    seconds: Annotated[float, typer.Option(help="How long to listen on the LAN.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """List gateways and devices of the LAN, and boards on serial ports."""

    def run() -> None:
        found = look(typed.seconds(seconds, "--seconds"))
        if as_json:
            out.json(found)
            return
        heads = ("kind", "name", "where", "what")
        shown = report.table(heads, ([row[head] for head in heads] for row in found))
        out.print(shown if found else "Nothing on the LAN, and no board on a port.")

    report.guard(run, as_json=as_json)


def look(seconds: float) -> list[dict[str, Any]]:
    """Gateways, devices and ports, each as `kind`, `name`, `where`, `what`."""
    try:
        rows = [_service("gateway", s, s.url) for s in lan.browse(lan.GATEWAYS, seconds)]
        rows += [_service("device", s, s.address) for s in lan.browse(lan.DEVICES, seconds)]
    except OSError as error:
        rows = []
        err.print("; ".join(lan.why_not(error)), markup=False)
    return rows + plugged_in()


def plugged_in() -> list[dict[str, Any]]:
    """The ports that may be a board."""
    return [
        {"kind": "port", "name": "", "where": c.device, "what": c.why, **asdict(c)}
        for c in ports.candidates()
    ]


def _service(kind: str, found: lan.Service, where: str) -> dict[str, Any]:
    values = found.properties
    what = "  ".join(
        f"{k} {values[k]}" for k in ("board", "fw", "state", "reason", "id", "load") if values.get(k)
    )
    return {"kind": kind, "name": found.name, "where": where, "what": what, "properties": values}


if __name__ == "__main__":
    app()
