"""`voicegw devices`: who may connect, and who is there."""

from __future__ import annotations

import asyncio
import json
from types import NoneType
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from gateway import environment, settings
from gateway.cli.answers import Course, Devices, Kept, Promised, Stopped
from gateway.cli.common import ConfigOption, Exit, JsonOption, KeyOption, UrlOption, own_host, run
from gateway.cli.tools import plugged_in
from gateway.errors import ConfigError
from ground import typed
from ground.terminal import err, one_line, out
from ground.trouble import Trouble

_ASK_SECONDS = 5.0
_SHARED_REMEDY = "enrol one of them under a name of its own: voicegw flash, or docs/troubleshooting.md"

app = typer.Typer(help="Who may connect, and who is there.", invoke_without_command=True)


@app.callback()
def devices(
    context: typer.Context,
    config: ConfigOption = None,
    seconds: Annotated[float, typer.Option(help="How long to listen on the LAN.")] = 2.0,
    as_json: JsonOption = False,
) -> None:
    """List the devices that are enrolled, those that the LAN announces, and boards on serial ports."""
    context.obj = config
    settings.read_env(config)
    if context.invoked_subcommand is not None:
        return
    rows = run(_list_devices(settings.load(config), typed.seconds(seconds, "--seconds")))
    rows += [_row("", "", "plugged in", port, why, None, None) for port, why in plugged_in()]
    if as_json:
        out.json(rows)
        return
    if not rows:
        out.print("No devices yet. Enrol one: voicegw devices add NAME")
        return
    table = Table("name", "role", "state", "address", "board", "firmware", "last seen", box=None)
    for row in rows:
        table.add_row(
            *(
                Text(one_line(str(row[k] or "")))
                for k in ("name", "role", "state", "address", "board", "fw", "last_seen")
            )
        )
    out.print(table)
    for row in rows:
        if boards := " and ".join(row["shared_by"]):
            out.print(f"{row['name']}: several boards use its key: {boards}", markup=False)
            out.print(f"[dim]{_SHARED_REMEDY}[/]")


async def _list_devices(chosen: settings.Settings, seconds: float) -> list[dict[str, Any]]:
    from gateway.front import discovery
    from gateway.front.registry import open_registry

    shared = await _shared_keys(chosen)
    addresses = discovery.lan_addresses()
    found = {f.name: f for f in await _announced(seconds, addresses)} if addresses else {}
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
            row = _row(
                device.name, str(device.role), state, address, device.board, device.fw, device.last_seen
            )
            rows.append({**row, "shared_by": shared.get(device.id, [])})
    for stranger in found.values():
        p = stranger.properties
        rows.append(
            _row(stranger.name, "", "not enrolled", stranger.address, p.get("board"), p.get("fw"), None)
        )
    return rows


async def _announced(seconds: float, addresses: list[str]) -> list[Any]:
    """The devices that the LAN announces; where it cannot be listened to, who is enrolled is listed all the same."""
    from gateway.front import discovery
    from gateway.front.announcing import FAULTS, cause

    try:
        return await discovery.scan(discovery.DEVICE_TYPE, seconds, addresses)
    except FAULTS as error:
        err.print(f"the LAN cannot be listened to: {cause(error)}", markup=False)
        return []


async def _shared_keys(chosen: settings.Settings) -> dict[str, list[str]]:
    """By the id of a device, the boards that use its key at once; only a gateway that runs here can tell."""
    from gateway.cli.remote import Remote

    key = environment.client_key(None)
    try:
        own = Remote(f"http://{own_host(chosen.host)}:{chosen.port}", key)
        async with asyncio.timeout(_ASK_SECONDS):
            known = await own.ask(Devices, "GET", "/api/devices")
        return {
            d["id"]: [f"{b['id']} at {b['address']}" if b["id"] else b["address"] for b in d["shared_by"]]
            for d in known
        }
    except (Trouble, TimeoutError, KeyError, TypeError):  # none runs, or one that does not tell us
        return {}


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
        "shared_by": [],
    }


def _quietly(context: typer.Context) -> settings.Settings:
    """The settings, for a command whose work would else be told of in log lines."""
    from gateway import logs

    chosen = settings.load(context.obj)  # once: it may be a pipe
    logs.set_up(chosen.model_copy(update={"log_level": "CRITICAL"}))
    return chosen


@app.command("add")
def devices_add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Letters, digits, '.', '_' and '-'.")],
    role: Annotated[str, typer.Option(help="device: may talk; operator: may also see the page.")] = "device",
    as_json: JsonOption = False,
) -> None:
    """Enrol a device and show its key, once."""
    from gateway.front.registry import Role
    from gateway.front.shared.joined import registry_of

    try:
        wanted = Role(role)
    except ValueError:
        raise ConfigError(f"there is no role {role}", remedy="use device or operator") from None

    chosen = _quietly(context)

    async def add() -> tuple[Any, str]:
        async with registry_of(chosen) as registry:
            return await registry.add(name, wanted)

    device, key = run(add())
    if as_json:
        out.json({"id": device.id, "name": device.name, "role": str(device.role), "key": key})
        return
    out.print(f"[bold]{device.name}[/] is enrolled as {device.role}. Its key, shown this once:", style=None)
    out.verbatim(key)


@app.command("revoke")
def devices_revoke(context: typer.Context, name: Annotated[str, typer.Argument()]) -> None:
    """Let a device in no more; its calls end within seconds."""
    from gateway.front.shared.joined import registry_of

    chosen = _quietly(context)

    async def revoke() -> None:
        async with registry_of(chosen) as registry:
            await registry.revoke(name)

    run(revoke())
    out.print(f"{name} is revoked.")


@app.command("update")
def devices_update(
    names: Annotated[list[str] | None, typer.Argument(help="Devices that are in a call.")] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="All that are in a call and run something older.")
    ] = False,
    version: Annotated[
        str | None, typer.Option(help="Of a release that the gateway has; the newest by default.")
    ] = None,
    older: Annotated[bool, typer.Option("--older", help="Though they run a newer one.")] = False,
    url: UrlOption = None,
    key_file: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have devices take a firmware release over the air: one first, then the rest, until one goes back to its old."""
    from gateway.cli.remote import Remote

    if bool(names) == everyone:
        raise ConfigError("say which devices, or --all", remedy="see who is there: voicegw devices")

    async def follow() -> list[Course]:
        last: dict[str, Course] = {}
        remote = Remote(url, environment.client_key(key_file))
        async for course in remote.update(None if everyone else names, version, older=older):
            last[course["device"]] = course
            if as_json:
                out.json(course)
            else:
                told = f"{course['device']}: {course['version']} {course['state'].replace('_', ' ')}"
                out.print(f"{told} {course['reason']}".rstrip(), markup=False)
        return list(last.values())

    if any(course["state"] != "updated" for course in run(follow())):
        raise typer.Exit(Exit.FAILED)


@app.command("tell")
def devices_tell(
    name: Annotated[str, typer.Argument(help="A device that is in a call.")],
    command: Annotated[str, typer.Argument(help="volume, mute, led, tone, identify or reboot.")],
    value: Annotated[
        str | None, typer.Argument(help="As docs/protocol.md has it: 40, true, '#00ff00'.")
    ] = None,
    url: UrlOption = None,
    key_file: KeyOption = None,
) -> None:
    """Send a device a command."""
    from gateway.cli.remote import Remote

    run(Remote(url, environment.client_key(key_file)).command(name, command, _value(value)))
    out.print(f"{name} is told.", markup=False)


@app.command("say")
def devices_say(
    name: Annotated[str, typer.Argument(help="A device, there or not: what it can't say now waits for it.")],
    text: Annotated[str, typer.Argument(help="What to say; may be left out with --sound.")] = "",
    sound: Annotated[
        str | None,
        typer.Option(help="Before it: chime (the default), none, or ring, until somebody stops it."),
    ] = None,
    volume: Annotated[
        int | None, typer.Option(help="Be at least this loud meanwhile, 1 to 100, though muted.")
    ] = None,
    keep: Annotated[float, typer.Option(help="Seconds that it waits for a device that is away.")] = 86_400.0,
    url: UrlOption = None,
    key_file: KeyOption = None,
) -> None:
    """Have a device say something, before anything else that it says."""
    from gateway.cli.remote import Remote

    body = {"text": text, "sound": sound, "volume": volume, "keep_s": keep}
    found = run(Remote(url, environment.client_key(key_file)).of_device(Kept, "POST", name, "say", body))
    out.print(f"{name} is told, now or when it is back (number {found['number']}).", markup=False)


@app.command("promises")
def devices_promises(
    name: Annotated[str, typer.Argument()],
    cancel: Annotated[int | None, typer.Option(help="Take the one of this number back.")] = None,
    url: UrlOption = None,
    key_file: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a device's timers, alarms, reminders and announcements, or cancel one."""
    from gateway.cli.remote import Remote

    gateway = Remote(url, environment.client_key(key_file))
    if cancel is not None:
        run(gateway.of_device(NoneType, "DELETE", name, f"promises/{cancel}"))
        out.print(f"Number {cancel} of {name} is cancelled.", markup=False)
        return
    found = run(gateway.of_device(list[Promised], "GET", name, "promises"))
    if as_json:
        out.json(found)
        return
    for one in found:
        state = "ringing" if one["ringing"] else "missed" if one["missed"] else f"in {one['left']:.0f} s"
        out.print(one_line(f"{one['number']}  {one['kind']}  {state}  {one['text']}"), markup=False)
    if not found:
        out.print(f"Nothing is promised to {name}.", markup=False)


@app.command("quiet")
def devices_quiet(
    name: Annotated[str, typer.Argument()], url: UrlOption = None, key_file: KeyOption = None
) -> None:
    """Stop what rings or is said on a device."""
    from gateway.cli.remote import Remote

    run(Remote(url, environment.client_key(key_file)).of_device(Stopped, "POST", name, "quiet"))
    out.print(f"{name} is quiet.", markup=False)


def _value(text: str | None) -> Any:
    """A number or a boolean where the text is one, else the text."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text
