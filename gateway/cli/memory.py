"""`voicegw devices history` and `voicegw devices prefer`: what is remembered, shown, cleared and set."""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import Annotated

import typer

from gateway import environment
from gateway.cli.answers import History
from gateway.cli.common import JsonOption, KeyOption, UrlOption, run
from gateway.errors import ConfigError
from ground.terminal import one_line, out


def add_to(app: typer.Typer) -> None:
    """Add these commands to `voicegw devices`."""
    app.command("history")(devices_history)
    app.command("prefer")(devices_prefer)


def devices_history(
    name: Annotated[str, typer.Argument()],
    clear: Annotated[bool, typer.Option("--clear", help="Forget all of it.")] = False,
    url: UrlOption = None,
    key_file: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was asked of a device, or of its person, and what it answered; or forget it."""
    from gateway.cli.remote import Remote

    gateway = Remote(url, environment.client_key(key_file))
    if clear:
        run(gateway.of_device(NoneType, "DELETE", name, "history"))
        out.print(f"What was said with {name} is forgotten.", markup=False)
        return
    found = run(gateway.of_device(History, "GET", name, "history"))
    if as_json:
        out.json(found)
        return
    _show(name, found)


def _show(name: str, found: History) -> None:
    if found["summary"]:
        out.print(one_line(f"before: {found['summary']}"), markup=False)
    for said in found["exchanges"]:
        at = datetime.fromtimestamp(said["at"]).astimezone().isoformat(" ", "seconds")
        out.print(one_line(f"{at}  {said['user']}  →  {said['bot']}"), markup=False)
    if not found["kept"]:
        out.print(f"What is said with {name} is not kept: [memory] history = true keeps it.", markup=False)
    elif not found["exchanges"]:
        out.print(f"Nothing was said with {name} yet.", markup=False)


def devices_prefer(
    name: Annotated[str, typer.Argument()],
    preferences: Annotated[
        list[str] | None, typer.Argument(help="name=Anna, place=…, units=metric, voice=…; name= forgets.")
    ] = None,
    url: UrlOption = None,
    key_file: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the people of a device prefer, or set it."""
    from gateway.cli.remote import Remote

    gateway = Remote(url, environment.client_key(key_file))
    for given in preferences or []:
        what, equals, value = given.partition("=")
        if not equals or not what.isalpha():
            raise ConfigError(f"{given!r} is not NAME=VALUE", remedy="such as units=metric")
        run(gateway.of_device(dict[str, str], "PUT", name, f"preferences/{what}", {"value": value}))
    found = run(gateway.of_device(dict[str, str], "GET", name, "preferences"))
    if as_json:
        out.json(found)
        return
    for what, value in found.items():
        out.print(one_line(f"{what}: {value}"), markup=False)
    if not found:
        out.print(f"Nothing is known of what the people of {name} prefer.", markup=False)
