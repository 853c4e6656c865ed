"""`voicegw provision`: give a board that already runs its Wi-Fi and settings, and read back what it holds."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ground import pinned, typed
from ground.terminal import out
from tools import enrol, report, wishes
from tools.board import ports
from tools.board.console import Console
from tools.board.improv_serial import Improv, Network
from tools.errors import ImprovError, SettingsError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def provision(
    port: Annotated[
        str | None, typer.Option(help="Serial port, or a URL such as rfc2217://HOST:PORT.")
    ] = None,
    scan: Annotated[
        bool, typer.Option("--scan", help="List the Wi-Fi networks that the board sees.")
    ] = False,
    ssid: Annotated[str | None, typer.Option(help="Wi-Fi name; or VOICEGW_WIFI_SSID.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the Wi-Fi password; or VOICEGW_WIFI_PASSWORD.")
    ] = None,
    gateway: Annotated[str | None, typer.Option(help="The gateway's URL; empty: found by mDNS.")] = None,
    name: Annotated[str | None, typer.Option(help="What the device is called.")] = None,
    talk: Annotated[str | None, typer.Option(help="auto, always, push or half.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="File with the device's key.")] = None,
    identity: Annotated[
        str | None,
        typer.Option(help="Of a gateway elsewhere, as `voicegw identity` says there; or VOICEGW_IDENTITY."),
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="TOML file with settings of the device.")] = None,
    erase: Annotated[bool, typer.Option("--erase", help="Forget all settings first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Set what is given; without any, show what the board holds. Secrets read `***`."""

    def run() -> None:
        given = {"ssid": ssid, "gateway": gateway or None, "name": name, "talk": talk}
        who = pinned.pin(identity) if identity is not None else None
        if key_file is not None:
            given["key"] = typed.key_in(key_file)
        wanted = wishes.gather(given, settings, password_file)
        if ("key" in wanted or "gateway" in wanted) and not {"fingerprint", "ca"} & wanted.keys():
            wanted |= enrol.pin_of(wanted.get("gateway"), who)
        if password_file is not None and "ssid" not in wanted:
            raise SettingsError("a password without a Wi-Fi name", remedy="give --ssid as well")
        if "ssid" in wanted and not scan:
            wanted = wishes.ask_for_wifi(wanted, needed=True)
        with contextlib.closing(Console(ports.pick(port))) as console:
            if scan:
                _show_networks(Improv(console).scan(), as_json=as_json)
                return
            if erase:
                console.ask("settings erase all")
            if gateway == "":
                console.ask("settings erase gateway")
            url = apply(console, wanted)
            _show(console.ask("settings"), url, as_json=as_json)

    report.guard(run, as_json=as_json)


def apply(console: Console, wanted: Mapping[str, str]) -> str | None:
    """Store settings on a device. Gives the URL that it wants to be visited at, if it says one.

    The rest goes first, so that the device, once on the network, calls the right gateway with the right key.

    Raises:
        ConsoleError, ImprovError, SettingsError: what it does not take.
    """
    for setting, value in wanted.items():
        if setting not in {"ssid", "password"}:
            _set(console, setting, value)
    if "ssid" not in wanted:
        return None
    return _set_wifi(console, wanted["ssid"], wanted.get("password", ""))


def _set_wifi(console: Console, ssid: str, password: str) -> str | None:
    """By Improv, which waits for the network; by the console where the firmware has no Improv."""
    improv = Improv(console)
    try:
        improv.state()
    except ImprovError:
        _set(console, "ssid", ssid)
        if password:
            _set(console, "password", password)
        else:
            console.ask("settings erase password")
        return None
    return improv.connect(ssid, password)


def _set(console: Console, setting: str, value: str) -> None:
    if value != value.lstrip() or (setting != "ca" and any(c in value for c in "\r\n")):
        raise SettingsError(
            f"{setting} begins with a space or has line ends, which the console cannot carry",
            remedy="write it with voicegw flash",
        )
    console.ask(f"settings set {setting} " + value.replace("\r\n", "\n").replace("\n", "\\n"))


def _show_networks(found: list[Network], *, as_json: bool) -> None:
    if as_json:
        out.json([{"ssid": n.ssid, "rssi": n.rssi, "locked": n.locked} for n in found])
        return
    rows = ((n.ssid, str(n.rssi), "password" if n.locked else "open") for n in found)
    out.print(report.table(("network", "dBm", ""), rows) if found else "The board sees no network.")


def _show(held: Mapping[str, Any], url: str | None, *, as_json: bool) -> None:
    if as_json:
        out.json({"settings": dict(held), "url": url})
        return
    out.print(report.table(("setting", "value"), ((name, str(value)) for name, value in held.items())))
    if url:
        out.print(f"The board is at {url}", markup=False)


if __name__ == "__main__":
    app()
