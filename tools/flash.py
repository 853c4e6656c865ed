"""`voicegw flash`: write firmware and settings to a board, and see it come up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ground import pinned, text, typed
from tools import flashing, report, wishes
from tools.board import boot
from tools.board.boot import Reached
from tools.errors import FlashError, ImageError
from tools.esp import esptool_process
from tools.flashing import Order
from tools.images import Wanted

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def flash(
    port: Annotated[
        str | None, typer.Option(help="Serial port, or a URL such as rfc2217://HOST:PORT.")
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(help="Release: a directory, an archive or a URL; that of this version by default."),
    ] = None,
    build: Annotated[
        bool, typer.Option("--build", help="Build it now, with ESP-IDF or a container.")
    ] = False,
    board: Annotated[str | None, typer.Option(help="Which board it is, if several have its chip.")] = None,
    ssid: Annotated[str | None, typer.Option(help="Wi-Fi name; or VOICEGW_WIFI_SSID.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the Wi-Fi password; or VOICEGW_WIFI_PASSWORD.")
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(help="The gateway's URL; by default the one on this machine.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the device is called; from its MAC by default.")
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="TOML file with settings of the device.")] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="File with a key of the device's own: it is not enrolled.")
    ] = None,
    operator_key_file: Annotated[
        Path | None,
        typer.Option(help="File with an operator's key, for a gateway elsewhere; or VOICEGW_KEY."),
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option(help="Of a gateway elsewhere, as `voicegw identity` says there; or VOICEGW_IDENTITY."),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(help="PEM file to trust, for a gateway over https behind a proxy.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take over the name of an enrolled device.")
    ] = False,
    no_enrol: Annotated[bool, typer.Option("--no-enrol", help="The gateway is open: no key.")] = False,
    no_wifi: Annotated[bool, typer.Option("--no-wifi", help="The board has Ethernet.")] = False,
    no_provision: Annotated[
        bool, typer.Option("--no-provision", help="Leave the settings on the board as they are.")
    ] = False,
    erase: Annotated[bool, typer.Option("--erase", help="Erase the whole flash first.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do all but enrol and write.")] = False,
    until: Annotated[
        str | None, typer.Option(help="Stage to wait for: booted, wifi, gateway or live.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for it.")] = boot.SECONDS,
    baud: Annotated[int, typer.Option(help="While writing.")] = esptool_process.BAUD,
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON for each step, for scripts.")
    ] = False,
) -> None:
    """Flash a board, give it its settings and a key, and follow it until it is live."""

    def run() -> None:
        given = {"ssid": ssid, "name": name}
        if key_file is not None:
            given["key"] = typed.key_in(key_file)
        if ca is not None:
            given["ca"] = text.read(ca)
        if baud < 1:
            raise FlashError(f"--baud {baud} is no speed", remedy="give one such as 460800, or leave it out")
        if image is not None and build:
            raise ImageError("--image and --build exclude each other", remedy="give one of them")
        order = Order(
            port=port,
            firmware=Wanted(image, build, board),
            baud=baud,
            erase=erase,
            dry_run=dry_run,
            provision=not no_provision,
            wifi=not no_wifi,
            enrol=not no_enrol,
            replace=replace,
            gateway=typed.gateway_url(gateway) if gateway is not None else None,
            settings={} if no_provision else wishes.gather(given, settings, password_file),
            operator_key=typed.key_in(operator_key_file) if operator_key_file is not None else None,
            ca=str(ca) if ca is not None else None,
            identity=pinned.pin(identity) if identity is not None else None,
            target=_target(until, told=not no_provision),
            seconds=typed.seconds(timeout, "--timeout"),
        )
        with report.ForScripts() if as_json else report.ForPeople() as shown:
            shown.done(reached=str(flashing.flash(order, shown)))

    report.guard(run, as_json=as_json, interrupted=flashing.INTERRUPTED, outlives_its_reader=True)


def _target(until: str | None, *, told: bool) -> Reached:
    if until is not None:
        return flashing.target_of(until)
    return Reached.LIVE if told else Reached.BOOTED


if __name__ == "__main__":
    app()
